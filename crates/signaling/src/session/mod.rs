//! The two ends of a session: the server's keeps events until they are seen, the client's comes back for them.
