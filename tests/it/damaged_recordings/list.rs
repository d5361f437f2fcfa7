//! The text of a media playlist, taken apart so that one thing in it can be another.

use std::fmt;

/// A media playlist in lines.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// What stands before the first segment and its tags.
    pub head: Vec<String>,
    pub segments: Vec<Listed>,
    /// What stands behind the last one.
    pub tail: Vec<String>,
}

/// A segment with its tags.
#[derive(Debug, Clone)]
pub struct Listed {
    pub tags: Vec<String>,
    pub uri: String,
}

impl List {
    pub fn read(text: &str) -> Self {
        const OF_SEGMENTS: [&str; 3] = [
            "#EXTINF",
            "#EXT-X-PROGRAM-DATE-TIME",
            "#EXT-X-DISCONTINUITY",
        ];
        let is_of_segment = |line: &str| {
            let name = line.split(':').next().unwrap();
            OF_SEGMENTS.contains(&name)
        };
        let mut list = Self::default();
        let mut tags = Vec::new();
        for line in text.lines() {
            if line.starts_with('#')
                && list.segments.is_empty()
                && tags.is_empty()
                && !is_of_segment(line)
            {
                list.head.push(line.to_owned());
            } else if line.starts_with('#') {
                tags.push(line.to_owned());
            } else if !line.is_empty() {
                let tags = std::mem::take(&mut tags);
                list.segments.push(Listed {
                    tags,
                    uri: line.to_owned(),
                });
            }
        }
        list.tail = tags;
        list
    }

    /// The number of the first segment.
    pub fn first(&self) -> u64 {
        let line = self
            .head
            .iter()
            .find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        line.unwrap().parse().unwrap()
    }

    /// Puts a tag of the head in the place of the one of this name, or behind the others.
    pub fn set(&mut self, name: &str, value: &str) {
        let line = format!("#EXT-X-{name}:{value}");
        match self
            .head
            .iter_mut()
            .find(|line| line.starts_with(&format!("#EXT-X-{name}:")))
        {
            Some(old) => *old = line,
            None => self.head.push(line),
        }
    }

    /// Takes tags away that begin so.
    pub fn without(&mut self, begin: &str) {
        let keep = |line: &String| !line.starts_with(begin);
        self.head.retain(keep);
        self.tail.retain(keep);
        self.segments
            .iter_mut()
            .for_each(|one| one.tags.retain(keep));
    }

    /// The segment with this number in its name, if it is listed.
    pub fn of(&mut self, number: u64) -> Option<&mut Listed> {
        let name = format!("{number:03}.");
        self.segments.iter_mut().find(|one| one.uri.contains(&name))
    }

    /// Takes the first segments away, up to the one with this number.
    pub fn begin_at(&mut self, number: u64) {
        let gone = usize::try_from(number - self.first()).unwrap();
        self.segments.drain(..gone.min(self.segments.len()));
        self.set("MEDIA-SEQUENCE", &number.to_string());
    }
}

impl Listed {
    pub fn replace(&mut self, from: &str, to: &str) {
        self.tags
            .iter_mut()
            .for_each(|tag| *tag = tag.replace(from, to));
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self
            .segments
            .iter()
            .flat_map(|one| one.tags.iter().chain([&one.uri]));
        self.head
            .iter()
            .chain(segments)
            .chain(&self.tail)
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}
