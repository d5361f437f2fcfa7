complete -c adjacent-find -s f -l folder -d 'Folder of sessions' -r -F
complete -c adjacent-find -s t -l time -d 'Max time delta between consecutive advances (seconds) [default: 1.5 times the target duration; with --parts, twice the part target; of raw streams, which state none, 2 s without a byte]' -r
complete -c adjacent-find -s p -l playlist -d 'Playlist name: whole, its last component, its URL, or what the log of the recorder calls it (1280x720 2.1 Mbit/s); of a raw stream its name or URL [default: all of them]' -r
complete -c adjacent-find -l json -d 'Print one JSON object a line'
complete -c adjacent-find -l parts -d 'Low latency: gaps between two consecutive parts instead; playlists without parts, and raw streams, are left out'
complete -c adjacent-find -s q -l quiet -d 'Print the findings alone: gaps in the format of the original, without headings, explanations, sums, or word that there is none'
complete -c adjacent-find -l faults -d 'List outages instead, faults that are one event a line: what, from when to when, what it cost'
complete -c adjacent-find -s v -l verbose -d 'With --faults: each fault as well, with the time until the next good answer'
complete -c adjacent-find -l fail-on-gap -d 'Exit with 1 where players had nothing new for too long, whether by the origin or by something on the way to it, or where there is neither a playlist nor a raw stream to look at'
complete -c adjacent-find -s h -l help -d 'Print help'
complete -c adjacent-find -s V -l version -d 'Print version'
