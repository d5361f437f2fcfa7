//! The words of a rule, and where they stand. Pure.

/// What is wrong, and at which character.
pub(super) type Wrong = (usize, String);

/// `KEY` or `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The character at which it begins, from 0 on.
    pub(super) at: usize,
    pub(super) key: String,
    /// With the character at which it begins; without its quotes.
    pub(super) value: Option<(usize, String)>,
}

impl Word {
    /// The character behind its key.
    pub(super) fn end(&self) -> usize {
        self.at + self.key.chars().count()
    }
}

/// Words are separated by blanks. A value that has some is in quotes, in which `\` takes the
/// meaning from the next character.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Wrong> {
    let mut characters = text.chars().enumerate().peekable();
    let mut words = Vec::new();
    while let Some((at, first)) = characters.find(|(_, c)| !c.is_whitespace()) {
        let in_key = |c: char| !c.is_whitespace() && c != '=';
        if !in_key(first) {
            return Err((at, "a word begins with a name".to_owned()));
        }
        let mut key = String::from(first);
        while let Some((_, c)) = characters.next_if(|(_, c)| in_key(*c)) {
            key.push(c);
        }
        let value = match characters.next_if(|(_, c)| *c == '=') {
            Some((equals, _)) => Some(value(equals + 1, &mut characters)?),
            None => None,
        };
        words.push(Word { at, key, value });
    }
    Ok(words)
}

type Characters<'a> = std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'a>>>;

fn value(at: usize, characters: &mut Characters<'_>) -> Result<(usize, String), Wrong> {
    let mut value = String::new();
    let Some((quote, _)) = characters.next_if(|(_, c)| *c == '"') else {
        while let Some((_, c)) = characters.next_if(|(_, c)| !c.is_whitespace()) {
            value.push(c);
        }
        return Ok((at, value));
    };
    while let Some((_, c)) = characters.next() {
        match c {
            '"' => {
                return match characters.peek() {
                    Some((behind, c)) if !c.is_whitespace() => {
                        Err((*behind, "a blank is missing behind the quotes".to_owned()))
                    }
                    _ => Ok((at + 1, value)),
                };
            }
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    Err((quote, "these quotes have no end".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(at: usize, key: &str, value: Option<(usize, &str)>) -> Word {
        Word {
            at,
            key: key.to_owned(),
            value: value.map(|(at, value)| (at, value.to_owned())),
        }
    }

    #[test]
    fn words_know_where_they_stand() {
        assert_eq!(
            words("  media path=/a=b  body=\"no \\\"more\\\"\" stall x= ü=\"\""),
            Ok(vec![
                word(2, "media", None),
                word(8, "path", Some((13, "/a=b"))),
                word(19, "body", Some((25, "no \"more\""))),
                word(38, "stall", None),
                word(44, "x", Some((46, ""))),
                word(47, "ü", Some((50, ""))),
            ])
        );
    }

    #[test]
    fn what_is_no_word_says_where() {
        assert_eq!(words("a =b").unwrap_err().0, 2);
        assert_eq!(words("a=\"b").unwrap_err().0, 2);
        assert_eq!(words("a=\"b\"c").unwrap_err().0, 5);
    }

    proptest! {
        #[test]
        fn any_text_has_words_or_a_place_that_is_wrong(text in "[a-z=\"\\\\ ü]{0,20}") {
            match words(&text) {
                Ok(words) => prop_assert!(words.iter().all(|word| !word.key.is_empty())),
                Err((at, _)) => prop_assert!(at <= text.chars().count()),
            }
        }
    }
}
