-- As earlier builds of version 1 made it: comments are part of what SQLite keeps.
CREATE TABLE event (
  id        INTEGER PRIMARY KEY,
  at_us     INTEGER NOT NULL,                  -- when it began
  -- How long it lasted; of 'clock step' by how much the wall clock was set. NULL: a moment, or
  -- ('disk full', 'checkpoint held up') not over when the run ended
  length_us INTEGER,
  -- 'late', 'stalled', 'suspended', 'clock step', 'disk full', 'checkpoint held up';
  -- 'refused uri', 'left out', 'too many playlists'; 'icy': JSON of stream, exchange, byte in
  -- its body, metadata; of a run that goes on from another: 'resumed', 'removed', 'clock behind';
  -- number 0, 'kept from': since at_us everything is kept
  kind      TEXT NOT NULL,
  detail    TEXT NOT NULL                      -- for people
) STRICT;
