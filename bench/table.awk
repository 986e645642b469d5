# Prints the table of bench/run. First input: figures, "name <tab> side <tab> value", one for each round. Second input:
# rows, "name | label | more or less is better | targets". The ratio is above 1 where eventstore is the better one.

BEGIN {
	FS = "\t"
	format = "| %-48s | %12s | %12s | %8s | %-40s |\n"
	printf format, "measurement", "eventstore", "plain table", "ratio", "target"
	printf "|%s|%s:|%s:|%s:|%s|\n", dashes(50), dashes(13), dashes(13), dashes(9), dashes(42)
}

NR == FNR {
	key = $1 SUBSEP $2
	values[key, ++count[key]] = $3 + 0
	next
}

{
	ours = median($1 SUBSEP "eventstore")
	plain = median($1 SUBSEP "plain")
	if (ours == "" && plain == "")
		next
	ratio = ""
	if (ours > 0 && plain > 0)
		ratio = $3 == "more" ? ours / plain : plain / ours
	printf format, $2, pretty(ours), pretty(plain), ratio == "" ? "-" : sprintf("%.2f", ratio), verdicts($4, ratio, ours)
}

# The median of a figure over the rounds, "" when it was not measured.
function median(key,    n, i, j, moved, sorted) {
	n = count[key]
	for (i = 1; i <= n; i++) {
		moved = values[key, i]
		for (j = i; j > 1 && sorted[j - 1] > moved; j--)
			sorted[j] = sorted[j - 1]
		sorted[j] = moved
	}
	return n ? (sorted[int((n + 1) / 2)] + sorted[int(n / 2) + 1]) / 2 : ""
}

# Targets, each with whether it was met: "ratio >= 4: met; >= 1,200,000: MISSED".
function verdicts(targets, ratio, ours,    i, n, part, text) {
	n = split(targets, part, /; /)
	for (i = 1; i <= n; i++)
		text = text (i > 1 ? "; " : "") verdict(part[i], ratio, ours)
	return text
}

# A target, of the ratio or of eventstore's own figure, and whether it was met: "ratio >= 4: met".
function verdict(target, ratio, ours,    part, value, met) {
	value = target ~ /^ratio / ? ratio : ours
	if (value == "")
		return target
	split(target, part, / *[<>]= */)
	gsub(/,/, "", part[2])
	met = target ~ />=/ ? value >= part[2] + 0 : value <= part[2] + 0
	return target ": " (met ? "met" : "MISSED")
}

# A number to read: thousands apart, a decimal for the small ones.
function pretty(value,    text, grouped) {
	if (value == "")
		return "-"
	if (value < 1000 && value != int(value))
		return sprintf(value < 10 ? "%.2f" : "%.1f", value)
	text = sprintf("%.0f", value)
	while (length(text) > 3) {
		grouped = "," substr(text, length(text) - 2) grouped
		text = substr(text, 1, length(text) - 3)
	}
	return text grouped
}

function dashes(n,    text) {
	while (n-- > 0)
		text = text "-"
	return text
}
