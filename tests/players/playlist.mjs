// Just enough of a media playlist to know what it lists, for playlists as ffmpeg writes them.

const attribute = (line, name) => new RegExp(`[:,]${name}="?([^",]*)`).exec(line)?.[1];

/** { targetDuration, segments: [{ sequence, uri, range, key, map, extinf }] }; range: { first, length }. */
export function parse(text) {
  const playlist = { targetDuration: 0, segments: [] };
  let sequence = 0;
  let key = null;
  let map = null;
  let next = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-TARGETDURATION:')) playlist.targetDuration = Number(line.split(':')[1]);
    else if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) sequence = Number(line.split(':')[1]);
    else if (line.startsWith('#EXT-X-KEY:')) key = { line, uri: attribute(line, 'URI') };
    else if (line.startsWith('#EXT-X-MAP:')) map = { line, uri: attribute(line, 'URI') };
    else if (line.startsWith('#EXTINF:')) next.extinf = line;
    else if (line.startsWith('#EXT-X-BYTERANGE:')) {
      const [length, first] = line.split(':')[1].split('@').map(Number);
      next.range = { first, length };
    } else if (line !== '' && !line.startsWith('#')) {
      playlist.segments.push({ range: null, ...next, sequence: sequence++, uri: line, key, map });
      next = {};
    }
  }
  return playlist;
}

/** What a playlist lists, each once: [{ uri, range }], with its keys and initialization sections. */
export function resources({ segments }) {
  const all = segments.flatMap(({ uri, range, key, map }) => [
    ...[key, map].filter(Boolean).map((tag) => ({ uri: tag.uri, range: null })),
    { uri, range },
  ]);
  return new Map(all.map((one) => [nameOf(one), one]));
}

export const nameOf = ({ uri, range }) => (range ? `${uri} ${range.length}@${range.first}` : uri);

/** One VOD playlist of all segments that these revisions list. */
export function union(texts) {
  const segments = new Map();
  for (const text of texts) for (const one of parse(text).segments) segments.set(one.sequence, one);
  const ordered = [...segments.values()].sort((a, b) => a.sequence - b.sequence);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${parse(texts[0]).targetDuration}`,
    `#EXT-X-MEDIA-SEQUENCE:${ordered[0].sequence}`,
  ];
  let key;
  let map;
  for (const one of ordered) {
    if (one.key && one.key.line !== key) lines.push((key = one.key.line));
    if (one.map && one.map.line !== map) lines.push((map = one.map.line));
    lines.push(one.extinf);
    if (one.range) lines.push(`#EXT-X-BYTERANGE:${one.range.length}@${one.range.first}`);
    lines.push(one.uri);
  }
  return `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`;
}
