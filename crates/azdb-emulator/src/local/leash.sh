# Runs a server until standard input ends, then ends it and removes its directory.
# Arguments: the directory, the signal that ends the server at once, and the shell program that starts it, which finds the
# directory in $directory. This shell leads a process group of its own.
directory=$1 signal=$2 program=$3
export directory
sh -c "$program" </dev/null >/dev/null &
server=$!
# Whoever reads the log sees its end when the server has ended.
exec 2>/dev/null
end() {
    trap '' TERM
    kill -s "$signal" $server
    # A step before the server may still run: the whole group is told. What is deaf to that goes when its input ends, and may
    # write until then.
    kill -s TERM 0
    wait
    for _ in 1 2 3 4 5; do
        rm -rf "$directory" && return
        sleep 1
    done
}
trap end EXIT
trap exit HUP INT TERM
while read -r _; do :; done
