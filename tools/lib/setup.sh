#!/usr/bin/env bash
# What tools/demo and tools/test share: packages, building, installing, and a
# throw-away server. To be sourced, under "set -euo pipefail":
#
#   . "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"
#   es_install_packages demo
#   es_build
#   es_install
#   dir=$(es_make_folder demo)
#   trap 'es_remove_folder "$dir"' EXIT
#   es_start_cluster "$dir" "eventstore.index_memory = '256MB'"
#   es_psql -c 'CREATE EXTENSION eventstore'
#
# es_install_packages [demo|test]   installs the Debian packages that are
#                                   missing; "test" (the default) is all of them
# es_find_pg_config                 sets es_pg_config and es_bin; PG_CONFIG in
#                                   the environment names another pg_config
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
# Variables: es_top (the top folder), es_pg_config, es_bin.

es_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
es_pg_config=''
es_bin=''

# Nothing in the environment may lead to another server.
for es_variable in "${!PG@}"; do
	[ "$es_variable" = PG_CONFIG ] || unset "$es_variable"
done
unset es_variable
export LC_ALL=C.UTF-8

# Server, client and server-dev are installed in one go, so that they match.
es_server_packages=(postgresql-15 postgresql-client-15 postgresql-server-dev-15)
es_demo_packages=(gcc make libxxhash-dev libsimde-dev perl-base gzip)
es_test_packages=(postgresql-15-pgtap libtap-parser-sourcehandler-pgtap-perl
	libipc-run-perl libpq-dev pg-bsd-indent clang-14
	libclang-rt-14-dev binutils shellcheck git perl
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)

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

es_missing_packages() {
	local package
	for package in "${es_server_packages[@]}"; do
		if ! es_is_installed "$package"; then
			printf '%s\n' "${es_server_packages[@]}"
			break
		fi
	done
	for package in "$@"; do
		es_is_installed "$package" || printf '%s\n' "$package"
	done
}

# Uses the machine's own package sources and leaves its configuration alone.
es_apt_get() {
	es_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2
}

es_install_packages() {
	local packages=("${es_demo_packages[@]}") missing
	case ${1:-test} in
	demo) ;;
	test) packages+=("${es_test_packages[@]}") ;;
	*) es_die "es_install_packages: not a kind of work: $1" ;;
	esac
	command -v dpkg-query >/dev/null || return 0 # not Debian: what is missing will show
	mapfile -t missing < <(es_missing_packages "${packages[@]}")
	[ "${#missing[@]}" -gt 0 ] || return 0
	es_say "Installing ${missing[*]}"
	es_apt_get update || es_say "apt-get update failed; trying with the package lists that are here"
	es_apt_get install -y --no-install-recommends "${missing[@]}" || es_die "packages could not be installed"
}

# ---- build --------------------------------------------------------------------

es_find_pg_config() {
	local candidate
	[ -z "$es_pg_config" ] || return 0
	for candidate in ${PG_CONFIG:+"$PG_CONFIG"} /usr/lib/postgresql/15/bin/pg_config pg_config; do
		candidate=$(command -v "$candidate") || continue
		if [[ $("$candidate" --version) =~ ^PostgreSQL\ 15[^0-9] ]]; then
			es_pg_config=$candidate
			es_bin=$("$candidate" --bindir)
			return 0
		fi
	done
	es_die "no pg_config of PostgreSQL 15 found; PG_CONFIG can name it"
}

# What another user built, for example root, an ordinary user can't replace.
es_may_write_all() {
	[ -z "$(find "$es_top" -path "$es_top/.git" -prune -o ! -writable ! -type l -print -quit)" ]
}

es_build() {
	local as=()
	es_find_pg_config
	es_may_write_all || as=(es_as_root)
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
