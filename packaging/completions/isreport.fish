complete -c isreport -s f -l folder -d 'Folder of sessions' -r -F
complete -c isreport -s p -l playlist -d 'The only playlist to look at: its name, the last component of that, its URL, or what the log of the recorder calls it (1280x720 2.1 Mbit/s); a raw stream by the name of its stream [default: all of them]' -r
complete -c isreport -l stream -d 'The only stream to look at [default: all of them]' -r
complete -c isreport -l from -d 'From when on: session time (120, 2m), or UTC (2026-11-29T10:00:00Z)' -r
complete -c isreport -l to -d 'Until when, likewise' -r
complete -c isreport -l rules -d 'P06,T07 only; -P16 all but; M* a family' -r
complete -c isreport -l severity -d 'The least that is shown' -r -f -a "must\t'The standard says MUST, or nothing plays'
should\t'The standard says SHOULD'
info\t'Worth knowing'"
complete -c isreport -l profile -d 'By whose demands: the standard\'s, or those of Apple\'s authoring specification, too' -r -f -a "rfc\t'RFC 8216bis'
apple\t'Apple\'s HLS Authoring Specification, too'"
complete -c isreport -l format -d 'In which form' -r -f -a "text\t'For people'
json\t'An object a line'
html\t'One file to mail, with pictures; it needs no network and no scripts'
junit\t'For the CI of an encoder: a test case a rule'"
complete -c isreport -s o -l output -d 'Write it to a file [default: standard output]' -r -F
complete -c isreport -l fail-on -d 'Exit with 1 where there is a finding of this severity, or a worse one' -r -f -a "must\t'The standard says MUST, or nothing plays'
should\t'The standard says SHOULD'
info\t'Worth knowing'"
complete -c isreport -l list-rules -d 'Print every rule with its condition and section'
complete -c isreport -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isreport -s V -l version -d 'Print version'
