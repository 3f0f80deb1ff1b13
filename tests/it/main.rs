//! What apps, databases and people see.
