//! Paths of chunks that go around what is in their way.

use super::beneath::PlainPath;
use super::beneath::Sort;
use super::chunk_dir::ChunkDir;

/// `a/b.ts` where `a` is a chunk itself, or a link, becomes `a~/b.ts`.
pub(crate) fn around_files(chunks: &ChunkDir, path: &str) -> String {
    let mut around = String::new();
    let mut components = path.split('/').peekable();
    while let Some(component) = components.next() {
        around.push_str(component);
        if components.peek().is_some() {
            while is_in_the_way(chunks, &around) {
                around.push('~');
            }
            around.push('/');
        }
    }
    around
}

pub(crate) fn is_in_the_way(chunks: &ChunkDir, folder: &str) -> bool {
    let facts = PlainPath::parse(folder).map(|path| chunks.facts(&path));
    facts.is_some_and(|facts| facts.is_ok_and(|facts| facts.sort != Sort::Folder))
}
