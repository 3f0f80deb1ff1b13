//! Messages for the Event Log, and its source in the registry.
