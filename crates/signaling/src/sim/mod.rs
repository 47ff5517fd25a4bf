//! A small world in virtual time.
