#!/usr/bin/env bash
# What tools/demo and tools/test share: packages, building, installing, and a
# throw-away server. To be sourced, under "set -euo pipefail":
#
#   . "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"
#   es_choose_server
#   es_install_packages demo
#   es_build
#   es_install
#   dir=$(es_make_folder demo)
#   trap 'es_remove_folder "$dir"' EXIT
#   es_start_cluster "$dir" "eventstore.index_memory = '256MB'"
#   es_psql -c 'CREATE EXTENSION eventstore'
#
# es_choose_server [N]              decides which PostgreSQL to use, and sets
#                                   es_server to its major version: N; or that of
#                                   PG_CONFIG in the environment; or the latest that
#                                   is installed; or the suite's own
# es_has_server                     can it be had here? If not, see suite.sh
# es_install_packages KIND...       installs the Debian packages that are missing
#                                   for the demo or these kinds of test
# es_find_pg_config                 sets es_pg_config and es_bin
# es_build [ARGUMENT]...            builds the extension in its folder; arguments
#                                   are make's, as in es_build COPT=-Werror
# es_install                        installs it
# es_make_folder NAME               makes a new folder for a server, prints it
# es_start_cluster DIR [LINE]...    makes a server in DIR and starts it, with
#                                   LINEs at the end of postgresql.conf
# es_restart_cluster DIR            restarts it
# es_stop_cluster DIR               stops it; no error when it does not run
# es_remove_folder DIR              stops the server and removes all of DIR
# es_psql ARGUMENT...               psql as superuser of that server
# es_as_root COMMAND...             runs a command as root, by sudo if need be
# es_as_server_user COMMAND...      runs a command as the user of servers
# es_say TEXT...  es_die TEXT...    to standard error; es_die then exits
#
# A server refuses to run as root, so for root its user is "postgres", whom the
# Debian package makes; for others it is themselves. The server listens on a
# socket in DIR only. Clients started from the same shell find it, because
# es_start_cluster exports PGHOST, PGPORT, PGUSER and PGDATABASE.
#
# Variables: es_top (the top folder), es_server, es_pg_config, es_bin.

es_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
es_server=''
es_pg_config=''
es_bin=''

# The versions that eventstore works with.
es_servers=(15 16 17 18)

# Nothing in the environment may lead to another server.
for es_variable in "${!PG@}"; do
	[ "$es_variable" = PG_CONFIG ] || unset "$es_variable"
done
unset es_variable
export LC_ALL=C.UTF-8

es_say() {
	printf '%s\n' "$*" >&2
}

es_die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

es_is_root() {
	[ "$(id -u)" = 0 ]
}

es_as_root() {
	if es_is_root; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		es_die "this needs root, and there is no sudo: $*"
	fi
}

# From a folder that the other user can enter too.
es_as_server_user() {
	if es_is_root; then
		(cd / && exec runuser -u postgres -- "$@")
	else
		(cd / && exec "$@")
	fi
}

# ---- packages -----------------------------------------------------------------

es_is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Uses the machine's own package sources and leaves its configuration alone.
es_apt_get() {
	es_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2
}

es_is_debian() {
	command -v dpkg-query >/dev/null
}

# Has apt a version of this package?
es_has_candidate() {
	[ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

# Fetches the package lists, once.
es_update_lists() {
	[ -z "${es_lists_are_new:-}" ] || return 0
	es_apt_get update || es_say "apt-get update failed; trying with the package lists that are here"
	es_lists_are_new=yes
}

# The packages for a server and for the demo (first) or a kind of test. Server,
# client and server-dev are installed in one go, so that they match.
es_packages() {
	local kind
	printf '%s\n' "postgresql-$es_server" "postgresql-client-$es_server" "postgresql-server-dev-$es_server" \
		gcc make libxxhash-dev libsimde-dev perl-base gzip
	for kind in "$@"; do
		case $kind in
		demo | regress | isolation) ;;
		style) printf '%s\n' binutils shellcheck git perl
			! es_has_candidate pg-bsd-indent || echo pg-bsd-indent ;;
		unit) printf '%s\n' gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user ;;
		fuzz) printf '%s\n' clang libclang-rt-dev ;;
		pgtap | compacted) printf '%s\n' "postgresql-$es_server-pgtap" libtap-parser-sourcehandler-pgtap-perl ;;
		crash) printf '%s\n' libipc-run-perl perl libpq-dev ;;
		drivers) printf '%s\n' python3 python3-psycopg2 python3-psycopg python3-sqlalchemy libpostgresql-jdbc-java
			command -v java >/dev/null || echo default-jdk-headless
			command -v npm >/dev/null || printf '%s\n' nodejs npm ;;
		*) es_die "es_packages: not a kind of work: $kind" ;;
		esac
	done
}

es_install_packages() {
	local package missing=()
	es_is_debian || return 0 # what is missing will show
	for package in $(es_packages "$@"); do
		es_is_installed "$package" || missing+=("$package")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	es_say "Installing ${missing[*]}"
	es_update_lists
	# parts of one server of different minor versions do not work together
	case " ${missing[*]}" in
	*" postgresql"*) missing+=("postgresql-$es_server" "postgresql-client-$es_server" "postgresql-server-dev-$es_server") ;;
	esac
	es_apt_get install -y --no-install-recommends "${missing[@]}" || es_die "packages could not be installed"
}

# ---- the server ---------------------------------------------------------------

es_is_supported() {
	case " ${es_servers[*]} " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# The major version of a pg_config.
es_version_of() {
	"$1" --version | sed -nE 's/^PostgreSQL ([0-9]+).*/\1/p'
}

es_installed_server() {
	local server latest=''
	for server in "${es_servers[@]}"; do
		[ ! -x "/usr/lib/postgresql/$server/bin/postgres" ] || latest=$server
	done
	echo "$latest"
}

# The version that the suite's package "postgresql" stands for.
es_suite_server() {
	apt-cache depends postgresql 2>/dev/null | sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p' | head -n 1
}

es_choose_server() {
	es_server=${1:-}
	if [ -n "$es_server" ]; then
		es_is_supported "$es_server" || es_die "eventstore works with PostgreSQL ${es_servers[*]}, not $es_server"
		return 0
	fi
	if [ -n "${PG_CONFIG:-}" ]; then
		es_server=$(es_version_of "$PG_CONFIG")
	else
		es_server=$(es_installed_server)
	fi
	if [ -z "$es_server" ] && es_is_debian; then
		[ -n "$(es_suite_server)" ] || es_update_lists
		es_server=$(es_suite_server)
	elif [ -z "$es_server" ]; then
		es_server=$(es_version_of pg_config)
	fi
	es_is_supported "$es_server" || es_die "eventstore works with PostgreSQL ${es_servers[*]}, not ${es_server:-what is here}"
}

es_has_server() {
	! es_is_debian || es_is_installed "postgresql-$es_server" || es_has_candidate "postgresql-$es_server" ||
		{ es_update_lists && es_has_candidate "postgresql-$es_server"; }
}

es_find_pg_config() {
	local candidate
	[ -z "$es_pg_config" ] || return 0
	for candidate in ${PG_CONFIG:+"$PG_CONFIG"} "/usr/lib/postgresql/$es_server/bin/pg_config" pg_config; do
		candidate=$(command -v "$candidate") || continue
		if [ "$(es_version_of "$candidate")" = "$es_server" ]; then
			es_pg_config=$candidate
			es_bin=$("$candidate" --bindir)
			return 0
		fi
	done
	es_die "no pg_config of PostgreSQL $es_server found; PG_CONFIG can name it"
}

# ---- build --------------------------------------------------------------------

# What another user built, for example root, an ordinary user can't replace.
es_may_write_all() {
	[ -z "$(find "$es_top" -path "$es_top/.git" -prune -o ! -writable ! -type l -print -quit)" ]
}

# What was built for another server is of no use.
es_clean_for_server() {
	local version=$1 file=$es_top/.built-for
	shift
	[ "$(cat "$file" 2>/dev/null)" != "$version" ] || return 0
	"$@" make -s -C "$es_top" PG_CONFIG="$es_pg_config" clean >&2
	"$@" rm -rf "$es_top/test/unit/build" "$es_top/test/fuzz/build"
	echo "$version" | "$@" tee "$file" >/dev/null
}

es_build() {
	local as=(env)
	es_find_pg_config
	es_may_write_all || as=(es_as_root)
	es_clean_for_server "$("$es_pg_config" --version)" "${as[@]}"
	"${as[@]}" make -s -j "$(nproc)" -C "$es_top" PG_CONFIG="$es_pg_config" "$@" >&2
}

es_install() {
	es_find_pg_config
	es_as_root make -s -C "$es_top" PG_CONFIG="$es_pg_config" install >&2
}

# ---- servers ------------------------------------------------------------------

# In a folder on a disk, where a commit costs what it costs.
es_make_folder() {
	local dir
	dir=$(mktemp -d "${TMPDIR:-/var/tmp}/eventstore-$1.XXXXXX")
	! es_is_root || chown postgres: "$dir"
	realpath "$dir"
}

es_start_cluster() {
	local dir=$1
	shift
	es_find_pg_config
	es_as_server_user "$es_bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
		es_die "initdb failed: $(tail -n 5 "$dir/initdb.log")"
	{
		printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$dir'" \
			"port = 5432" "shared_preload_libraries = 'eventstore'" "$@"
	} >>"$dir/data/postgresql.conf"
	export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	es_control_cluster "$dir" start
}

es_control_cluster() {
	es_as_server_user "$es_bin/pg_ctl" -D "$1/data" -l "$1/server.log" -t 120 -w "$2" >/dev/null ||
		es_die "the server did not $2: $(tail -n 5 "$1/server.log")"
}

es_restart_cluster() {
	es_control_cluster "$1" restart
}

es_stop_cluster() {
	[ -e "$1/data/postmaster.pid" ] || return 0
	es_as_server_user "$es_bin/pg_ctl" -D "$1/data" -m fast -t 60 -w stop >/dev/null 2>&1 ||
		es_as_server_user "$es_bin/pg_ctl" -D "$1/data" -m immediate -t 60 -w stop >/dev/null 2>&1 ||
		es_say "could not stop the server in $1"
}

es_remove_folder() {
	es_stop_cluster "$1"
	rm -rf -- "$1"
}

es_psql() {
	"$es_bin/psql" -X "$@"
}
