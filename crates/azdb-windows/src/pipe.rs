//! Named pipes: who may open one, and who has.
