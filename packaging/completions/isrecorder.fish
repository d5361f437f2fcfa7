complete -c isrecorder -l streams -d 'More streams, one a line: NAME URL, below it indented header fields; read again on SIGHUP' -r -F
complete -c isrecorder -s o -s f -l output -l folder -d 'Folder of sessions' -r -F
complete -c isrecorder -s s -l session -d 'Output session name; default: session1, or the next number that is free' -r
complete -c isrecorder -l keep -d 'Keep the last so long only, for example 2h; what is older goes, rows and files (of a raw stream whole files: --roll says how long one is)' -r
complete -c isrecorder -l keep-bytes -d 'Keep chunks of so many bytes only, for example 50G; the oldest go' -r
complete -c isrecorder -l wait -d 'Go on watching a stream that has ended, in case it comes back: for ever, or for so long, for example 12h' -r
complete -c isrecorder -l duration -d 'Stop after so long, for example 90m' -r
complete -c isrecorder -l poll -d 'Poll playlists once in so many seconds on average (0.2 to 60); default: a quarter of the target duration, 0.25 to 2 s' -r
complete -c isrecorder -l variants -d 'Record these variants: all, highest, lowest, or those of a height, such as 720p; a stream that has none of that height is not recorded' -r
complete -c isrecorder -l renditions -d 'Record these renditions: all, none, or those in these languages, such as en,de' -r
complete -c isrecorder -l asset-lists -d 'Record what is played in between (X-ASSET-LIST, X-ASSET-URI): all, none' -r
complete -c isrecorder -l serve -d 'Show it meanwhile: answer players on this port, as isreplayer does; 0: any that is free' -r
complete -c isrecorder -l bind -d 'Address to listen on with --serve; default: all' -r
complete -c isrecorder -l cors-credentials -d 'Pages of this origin may send cookies and passwords, as behind a login (https://player.example.com); may be repeated' -r
complete -c isrecorder -l hls-js -d 'Let the page at / play with hls.js (npm i hls.js: node_modules/hls.js/dist/hls.min.js), which also tells of its buffer [default: what the browser has]' -r -F
complete -c isrecorder -l metrics -d 'Metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0: any port that is free' -r
complete -c isrecorder -l archive -d 'Upload what is recorded to an archive meanwhile: s3://BUCKET/PREFIX, or file:///FOLDER' -r
complete -c isrecorder -l volume -d 'Length of the volumes of an archive; a day is a whole number of them' -r
complete -c isrecorder -l log -d 'Form of log lines' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c isrecorder -s H -l header -d 'Send this header field to the URL\'s host; may be repeated' -r
complete -c isrecorder -s A -l user-agent -d 'User-Agent' -r
complete -c isrecorder -s b -l cookie -d 'Send these cookies to the URL\'s host: name=value; name2=value2' -r
complete -c isrecorder -l trust-hosts -d 'Send header fields, cookies and the URL\'s password to these hosts too (comma-separated, HOST or HOST:PORT; * for all)' -r
complete -c isrecorder -l proxy -d 'Proxy for everything: http://…, https://… or socks5://…; default: the usual variables (https_proxy, no_proxy, …)' -r
complete -c isrecorder -l cacert -d 'Certificates to trust, of authorities or of servers themselves, PEM; default: the system\'s (or SSL_CERT_FILE)' -r -F
complete -c isrecorder -l cert -d 'Client certificate, PEM' -r -F
complete -c isrecorder -l key -d 'Key of the client certificate, PEM, where it is not in the same file' -r -F
complete -c isrecorder -l resolve -d 'Use this address for a host (for any port of it); may be repeated' -r
complete -c isrecorder -l connect-timeout -d 'Longest time for a connection' -r
complete -c isrecorder -l max-time -d 'Longest time for a request and its answer; default: 15 for playlists and keys, 120 for chunks' -r
complete -c isrecorder -l limit -d 'Change a limit on what an origin can do, for example playlist=32M; may be repeated (docs/ref/limits.md)' -r
complete -c isrecorder -l roll -d 'Begin a new file so often, where the format can be cut (MPEG-TS, MP3, AAC)' -r
complete -c isrecorder -l stall -d 'Give up what brings nothing for so long; a stream is asked for again' -r
complete -c isrecorder -l min-part -d 'Keep no file smaller than this, for example 64k or 1M' -r
complete -c isrecorder -l resume -d 'Go on with the session of -s after a stop, a crash or a reboot; without a URL with all its streams'
complete -c isrecorder -l no-blocking -d 'Make no requests that the origin holds until there is something new (low latency): poll, and ask for nothing that is only announced'
complete -c isrecorder -l archive-drop -d 'Where the disk is full, --keep may remove what is not in the archive, the oldest first'
complete -c isrecorder -s q -l quiet -d 'Say less: warnings and errors only; twice: errors only'
complete -c isrecorder -s v -l verbose -d 'Say more; twice: everything'
complete -c isrecorder -s k -l insecure -d 'Accept any TLS certificate'
complete -c isrecorder -l allow-private -d 'Let public playlists and redirects lead to private and loopback addresses'
complete -c isrecorder -l allow-downgrade -d 'Follow redirects from https to http, without header fields, cookies and password of yours'
complete -c isrecorder -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isrecorder -s V -l version -d 'Print version'
