// node serve.mjs FOLDER PORT PLAYLIST_FOLDER...: serves what a live encoder writes into FOLDER.
// Prints its URL when it listens.

import { Origin } from './origin.mjs';

const [folder, port, ...playlistFolders] = process.argv.slice(2);
const origin = new Origin(folder);
for (const one of playlistFolders) origin.watch(one);
await origin.listen(Number(port), 'localhost');
console.log(origin.url);
