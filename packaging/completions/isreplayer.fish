complete -c isreplayer -s f -l folder -d 'Folder of sessions' -r -F
complete -c isreplayer -s p -l port -d 'Listening port; 0: any that is free' -r
complete -c isreplayer -s o -l offset -d 'Start offset in seconds (fractions and 2m30s too)' -r
complete -c isreplayer -l zero -d 'When session time 0 is, whenever isreplayer is started (2026-11-21T18:00:00Z, or Unix time): any number of replayers over copies of a session give the same answers at each moment' -r
complete -c isreplayer -l bind -d 'Address to listen on [default: all]' -r
complete -c isreplayer -l at-end -d 'What happens after the last moment of the recording' -r -f -a "hold\t'The last playlists stay as they are, as those of a dead origin do'
endlist\t'Media playlists get an #EXT-X-ENDLIST'
stop\t'Isreplayer ends'"
complete -c isreplayer -l faults -d 'Faults of the origin' -r -f -a "recorded\t'Answered as they were'
none\t'Healed: a good answer in place of each, where the origin ever gave one'"
complete -c isreplayer -l early -d 'A chunk or key that a player asks for so little before its time is given at once' -r
complete -c isreplayer -l dates -d 'Dates in playlists, Last-Modified and Expires' -r -f -a "recorded\t'As they were'
shifted\t'Moved by one constant, so that what is played now is dated now'"
complete -c isreplayer -l network -d 'How fast answers come' -r -f -a "full\t'As fast as they go'
recorded\t'As they came: the first byte as late, the body as slow, stalls included'"
complete -c isreplayer -l inject -d 'Lay a fault over the recording (--help says how); may be repeated' -r
complete -c isreplayer -l seed -d 'Other faults of those --inject rules that are left to chance' -r
complete -c isreplayer -l cors-credentials -d 'Pages of this origin may send cookies and passwords, as behind a login (https://player.example.com); may be repeated' -r
complete -c isreplayer -l hls-js -d 'Let the page at / play with hls.js (npm i hls.js: node_modules/hls.js/dist/hls.min.js), which also tells of its buffer [default: what the browser has]' -r -F
complete -c isreplayer -l cert -d 'Answer over TLS (https) with this certificate and those behind it, PEM' -r -F
complete -c isreplayer -l key -d 'Key of the certificate, PEM, where it is not in the same file' -r -F
complete -c isreplayer -l max-connections -d 'Connections at once [default: what the limit of open files allows, 16384 at most]' -r
complete -c isreplayer -l max-connections-per-address -d 'Connections at once from one address [default: three quarters of all]' -r
complete -c isreplayer -l head-timeout -d 'Time for a client to send the head of a request [default: 10]' -r
complete -c isreplayer -l idle-timeout -d 'Time for a client to ask again on the same connection [default: 30]' -r
complete -c isreplayer -l stall-timeout -d 'Time for a client to take the next byte of an answer [default: 20]' -r
complete -c isreplayer -l log -d 'Form of log lines' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isreplayer -l stream -d 'The only stream that is replayed, as in …/streams/NAME [default: all of them]' -r
complete -c isreplayer -l from -d 'Moment at which the clock starts, UTC: 2026-11-29T10:00:00Z [default: its beginning]' -r
complete -c isreplayer -l cache -d 'Folder for what was fetched; one program uses it at a time [default: a temporary one]' -r -F
complete -c isreplayer -l cache-bytes -d 'What was used longest ago is removed from the cache beyond that; units as in 500M, 2G [default: 2G]' -r
complete -c isreplayer -l list -d 'Say what the session has, and end'
complete -c isreplayer -s q -l quiet -d 'Say less: warnings and errors only; twice: errors only'
complete -c isreplayer -s v -l verbose -d 'Say more; twice: everything'
complete -c isreplayer -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isreplayer -s V -l version -d 'Print version'
