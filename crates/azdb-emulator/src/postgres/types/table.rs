//! The rows of `pg_type` that exist here, and other names of them.

/// One row of `pg_type`.
pub(in crate::postgres) struct BaseType {
    pub(in crate::postgres) oid: u32,
    /// `typname`.
    pub(in crate::postgres) name: &'static str,
    /// `typlen`; negative for variable length.
    pub(in crate::postgres) size: i16,
    /// `typcategory`.
    pub(in crate::postgres) category: char,
    /// `typelem`; 0 for types that are no arrays.
    pub(in crate::postgres) element: u32,
    /// `typarray`; 0 where there is none.
    pub(in crate::postgres) array: u32,
    /// What `format_type` says.
    pub(in crate::postgres) title: &'static str,
}

const fn base(
    oid: u32,
    name: &'static str,
    size: i16,
    category: char,
    array: u32,
    title: &'static str,
) -> BaseType {
    BaseType {
        oid,
        name,
        size,
        category,
        element: 0,
        array,
        title,
    }
}

const fn array(oid: u32, name: &'static str, element: u32, title: &'static str) -> BaseType {
    BaseType {
        oid,
        name,
        size: -1,
        category: 'A',
        element,
        array: 0,
        title,
    }
}

/// Types by oid, with the values of PostgreSQL's own catalog.
pub(in crate::postgres) const TYPES: [BaseType; 64] = [
    base(16, "bool", 1, 'B', 1000, "boolean"),
    base(17, "bytea", -1, 'U', 1001, "bytea"),
    base(18, "char", 1, 'Z', 1002, "\"char\""),
    base(19, "name", 64, 'S', 1003, "name"),
    base(20, "int8", 8, 'N', 1016, "bigint"),
    base(21, "int2", 2, 'N', 1005, "smallint"),
    array(22, "int2vector", 21, "int2vector"),
    base(23, "int4", 4, 'N', 1007, "integer"),
    base(24, "regproc", 4, 'N', 0, "regproc"),
    base(25, "text", -1, 'S', 1009, "text"),
    base(26, "oid", 4, 'N', 1028, "oid"),
    base(27, "tid", 6, 'U', 0, "tid"),
    base(28, "xid", 4, 'U', 0, "xid"),
    array(30, "oidvector", 26, "oidvector"),
    base(114, "json", -1, 'U', 199, "json"),
    base(142, "xml", -1, 'U', 0, "xml"),
    base(194, "pg_node_tree", -1, 'Z', 0, "pg_node_tree"),
    array(199, "_json", 114, "json[]"),
    base(700, "float4", 4, 'N', 1021, "real"),
    base(701, "float8", 8, 'N', 1022, "double precision"),
    base(705, "unknown", -2, 'X', 0, "unknown"),
    base(790, "money", 8, 'N', 0, "money"),
    base(869, "inet", -1, 'I', 0, "inet"),
    array(1000, "_bool", 16, "boolean[]"),
    array(1001, "_bytea", 17, "bytea[]"),
    array(1002, "_char", 18, "\"char\"[]"),
    array(1003, "_name", 19, "name[]"),
    array(1005, "_int2", 21, "smallint[]"),
    array(1007, "_int4", 23, "integer[]"),
    array(1009, "_text", 25, "text[]"),
    array(1014, "_bpchar", 1042, "character[]"),
    array(1015, "_varchar", 1043, "character varying[]"),
    array(1016, "_int8", 20, "bigint[]"),
    array(1021, "_float4", 700, "real[]"),
    array(1022, "_float8", 701, "double precision[]"),
    array(1028, "_oid", 26, "oid[]"),
    base(1033, "aclitem", 12, 'U', 1034, "aclitem"),
    array(1034, "_aclitem", 1033, "aclitem[]"),
    base(1042, "bpchar", -1, 'S', 1014, "character"),
    base(1043, "varchar", -1, 'S', 1015, "character varying"),
    base(1082, "date", 4, 'D', 1182, "date"),
    base(1083, "time", 8, 'D', 1183, "time without time zone"),
    base(
        1114,
        "timestamp",
        8,
        'D',
        1115,
        "timestamp without time zone",
    ),
    array(1115, "_timestamp", 1114, "timestamp without time zone[]"),
    array(1182, "_date", 1082, "date[]"),
    array(1183, "_time", 1083, "time without time zone[]"),
    base(
        1184,
        "timestamptz",
        8,
        'D',
        1185,
        "timestamp with time zone",
    ),
    array(1185, "_timestamptz", 1184, "timestamp with time zone[]"),
    base(1186, "interval", 16, 'T', 0, "interval"),
    array(1231, "_numeric", 1700, "numeric[]"),
    base(1266, "timetz", 12, 'D', 0, "time with time zone"),
    base(1700, "numeric", -1, 'N', 1231, "numeric"),
    base(2202, "regprocedure", 4, 'N', 0, "regprocedure"),
    base(2205, "regclass", 4, 'N', 0, "regclass"),
    base(2206, "regtype", 4, 'N', 0, "regtype"),
    base(2249, "record", -1, 'P', 0, "record"),
    base(2277, "anyarray", -1, 'P', 0, "anyarray"),
    base(2278, "void", 4, 'P', 0, "void"),
    base(2950, "uuid", 16, 'U', 2951, "uuid"),
    array(2951, "_uuid", 2950, "uuid[]"),
    base(3802, "jsonb", -1, 'U', 3807, "jsonb"),
    array(3807, "_jsonb", 3802, "jsonb[]"),
    base(4089, "regnamespace", 4, 'N', 0, "regnamespace"),
    base(4096, "regrole", 4, 'N', 0, "regrole"),
];

/// Other names that SQL has for types.
pub(super) const SYNONYMS: [(&str, u32); 26] = [
    ("boolean", 16),
    // SQLite drops the quotes of `"char"`, so the system tables have this instead.
    ("pg_char", 18),
    ("char", 1042),
    ("character", 1042),
    ("bigint", 20),
    ("bigserial", 20),
    ("serial8", 20),
    ("smallint", 21),
    ("smallserial", 21),
    ("serial2", 21),
    ("integer", 23),
    ("int", 23),
    ("serial", 23),
    ("serial4", 23),
    ("blob", 17),
    ("real", 700),
    ("float", 701),
    ("double", 701),
    ("double precision", 701),
    ("character varying", 1043),
    ("time without time zone", 1083),
    ("timestamp without time zone", 1114),
    ("timestamp with time zone", 1184),
    ("time with time zone", 1266),
    ("decimal", 1700),
    ("datetime", 1114),
];
