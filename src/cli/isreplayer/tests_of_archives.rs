//! Answers out of an archive, compared with those of the session that it was made of.
