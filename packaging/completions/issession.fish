# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_issession_global_optspecs
    string join \n f/folder= h/help V/version
end

function __fish_issession_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_issession_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_issession_using_subcommand
    set -l cmd (__fish_issession_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c issession -n "__fish_issession_needs_command" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_needs_command" -s h -l help -d 'Print help'
complete -c issession -n "__fish_issession_needs_command" -s V -l version -d 'Print version'
complete -c issession -n "__fish_issession_needs_command" -f -a "list" -d 'List the sessions of the folder, or the streams and variants of one'
complete -c issession -n "__fish_issession_needs_command" -f -a "info" -d 'Say what is in a session: streams, runs, counts, faults, keys, sizes'
complete -c issession -n "__fish_issession_needs_command" -f -a "check" -d 'Say what is wrong with a session, or with an archive; only reads'
complete -c issession -n "__fish_issession_needs_command" -f -a "repair" -d 'Move aside and mark what is wrong with a session, close what was killed, then check'
complete -c issession -n "__fish_issession_needs_command" -f -a "redact" -d 'Copy a session, with pseudonyms in place of tokens, cookies and credentials'
complete -c issession -n "__fish_issession_needs_command" -f -a "clip" -d 'Copy a span of a session: a session of its own that answers as it did'
complete -c issession -n "__fish_issession_needs_command" -f -a "archive" -d 'Put a session into an archive: a bucket of an object store, or a folder'
complete -c issession -n "__fish_issession_needs_command" -f -a "fetch" -d 'Bring a span of an archive back as a session of this machine'
complete -c issession -n "__fish_issession_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c issession -n "__fish_issession_using_subcommand list" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand list" -l json -d 'Print one JSON object for each session, one a line'
complete -c issession -n "__fish_issession_using_subcommand list" -s h -l help -d 'Print help'
complete -c issession -n "__fish_issession_using_subcommand info" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand info" -l json -d 'Print one JSON object'
complete -c issession -n "__fish_issession_using_subcommand info" -s h -l help -d 'Print help'
complete -c issession -n "__fish_issession_using_subcommand check" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand check" -l hashes -d 'Read everything and compare the SHA-256 of each playlist, chunk and key'
complete -c issession -n "__fish_issession_using_subcommand check" -l json -d 'Print one JSON object'
complete -c issession -n "__fish_issession_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c issession -n "__fish_issession_using_subcommand repair" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand repair" -l hashes -d 'Read everything and compare the SHA-256 of each playlist, chunk and key'
complete -c issession -n "__fish_issession_using_subcommand repair" -l json -d 'Print one JSON object'
complete -c issession -n "__fish_issession_using_subcommand repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c issession -n "__fish_issession_using_subcommand redact" -l keep-parameters -d 'The values of these query parameters stay, for example seq,bitrate' -r
complete -c issession -n "__fish_issession_using_subcommand redact" -l secrets -d 'Replace these, too, one a line, whatever they look like' -r -F
complete -c issession -n "__fish_issession_using_subcommand redact" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand redact" -l redact-hosts -d 'Pseudonyms for hosts and addresses, too'
complete -c issession -n "__fish_issession_using_subcommand redact" -l drop-keys -d 'Keys become zeros'
complete -c issession -n "__fish_issession_using_subcommand redact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c issession -n "__fish_issession_using_subcommand clip" -l from -d 'From when on: session time (120, 2m), or UTC (2026-11-29T10:00:00Z)' -r
complete -c issession -n "__fish_issession_using_subcommand clip" -l to -d 'Until when, likewise' -r
complete -c issession -n "__fish_issession_using_subcommand clip" -l stream -d 'The only stream that is copied [default: all of them]' -r
complete -c issession -n "__fish_issession_using_subcommand clip" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand clip" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c issession -n "__fish_issession_using_subcommand archive" -l volume -d 'Length of the volumes of an archive; a day is a whole number of them' -r
complete -c issession -n "__fish_issession_using_subcommand archive" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand archive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c issession -n "__fish_issession_using_subcommand fetch" -l from -d 'From when on, UTC: 2026-11-29T10:00:00Z' -r
complete -c issession -n "__fish_issession_using_subcommand fetch" -l to -d 'Until when, likewise' -r
complete -c issession -n "__fish_issession_using_subcommand fetch" -l stream -d 'The only stream that is fetched [default: all of them]' -r
complete -c issession -n "__fish_issession_using_subcommand fetch" -l writer -d 'The recorder whose volumes are fetched, 16 hex digits [default: the one that has most of the span]' -r
complete -c issession -n "__fish_issession_using_subcommand fetch" -s f -l folder -d 'Folder of sessions' -r -F
complete -c issession -n "__fish_issession_using_subcommand fetch" -s h -l help -d 'Print help'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "list" -d 'List the sessions of the folder, or the streams and variants of one'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "info" -d 'Say what is in a session: streams, runs, counts, faults, keys, sizes'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "check" -d 'Say what is wrong with a session, or with an archive; only reads'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "repair" -d 'Move aside and mark what is wrong with a session, close what was killed, then check'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "redact" -d 'Copy a session, with pseudonyms in place of tokens, cookies and credentials'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "clip" -d 'Copy a span of a session: a session of its own that answers as it did'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "archive" -d 'Put a session into an archive: a bucket of an object store, or a folder'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "fetch" -d 'Bring a span of an archive back as a session of this machine'
complete -c issession -n "__fish_issession_using_subcommand help; and not __fish_seen_subcommand_from list info check repair redact clip archive fetch help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
