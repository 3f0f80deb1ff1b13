//! Who but its owner and administrators may read or write a file.
