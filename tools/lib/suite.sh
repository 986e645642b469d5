#!/usr/bin/env bash
# Runs a script of this checkout in another suite of Debian, for servers that the
# machine's own suite does not have. To be sourced after setup.sh:
#
#   es_suite_of N                    prints the suite that has PostgreSQL N
#   es_in_suite SUITE COMMAND...     runs a command of a copy of the checkout there,
#                                    as root, and returns its status
#
# A suite is a folder made by debootstrap, in EVENTSTORE_SUITES or a folder of
# /var/tmp; it is made once and used again. Packages come from where the machine's
# own apt gets them. The folder is entered by chroot in a mount namespace of its
# own, so nothing stays mounted, however the command ends.

es_suites=${EVENTSTORE_SUITES:-/var/tmp/eventstore-suites}

es_suite_of() {
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo sid ;;
	*) es_die "no suite of Debian has PostgreSQL $1; PG_CONFIG can name one that is installed" ;;
	esac
}

# Where this machine's apt gets Debian's own packages.
es_mirror() {
	local mirror
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
	[ -n "$mirror" ] || es_die "apt has no package lists of Debian; apt-get update makes them"
	echo "$mirror"
}

# A suite's release file may be older than it says it is good for.
es_configure_suite() {
	es_as_root cp -r /etc/apt/apt.conf.d "$1/etc/apt/"
	es_as_root tee "$1/etc/apt/apt.conf.d/99eventstore" >/dev/null <<-'CONF'
		Acquire::Check-Valid-Until "false";
		Acquire::Languages "none";
	CONF
	es_as_root install -m 755 /dev/stdin "$1/usr/sbin/policy-rc.d" <<-'SH'
		#!/bin/sh
		exit 101
	SH
}

# Makes the folder of a suite, unless it is there. Only whole folders get its name.
es_make_suite() {
	local suite=$1 folder=$es_suites/$1 new
	[ ! -d "$folder" ] || return 0
	es_is_installed debootstrap || es_apt_get install -y --no-install-recommends debootstrap ||
		es_die "debootstrap could not be installed"
	es_say "Making a folder with Debian $suite in $es_suites"
	es_as_root mkdir -p "$es_suites"
	new=$(es_as_root mktemp -d "$es_suites/.$suite.XXXXXX")
	if ! es_as_root debootstrap --variant=minbase "$suite" "$new" "$(es_mirror)" >&2; then
		es_as_root rm -rf --one-file-system -- "$new"
		es_die "no folder of Debian $suite could be made"
	fi
	es_as_root chmod 755 "$new"
	es_configure_suite "$new"
	es_as_root mv -T "$new" "$folder" 2>/dev/null || es_as_root rm -rf --one-file-system -- "$new"
}

es_in_suite() {
	local suite=$1 folder=$es_suites/$1 copy status=0
	shift
	es_make_suite "$suite"
	copy=$(mktemp -d "${TMPDIR:-/var/tmp}/eventstore-$suite.XXXXXX")
	chmod 755 "$copy"
	# shellcheck disable=SC2154 # es_top is set by setup.sh
	tar -C "$es_top" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -c . | tar -C "$copy" -x
	es_as_root unshare --mount -- bash -euc '
		folder=$1 copy=$2
		shift 2
		mount --make-rprivate /
		mkdir -p "$folder/eventstore"
		mount --bind "$copy" "$folder/eventstore"
		mount -t proc proc "$folder/proc"
		mount -t tmpfs tmpfs "$folder/dev/shm"
		exec chroot "$folder" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			WERROR="$WERROR" bash -euc '\''cd /eventstore; "$@"'\'' suite "$@"' \
		suite "$folder" "$copy" "$@" </dev/null || status=$?
	es_as_root rm -rf --one-file-system -- "$copy"
	return $status
}
