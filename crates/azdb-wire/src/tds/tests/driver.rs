use super::hex;
use crate::tds::*;
use alloc::string::String;
use proptest::prelude::*;

/// As r2dbc-mssql 1.0.2 sends it.
const R2DBC: &str = "00 0015 0006 01 001b 0001 02 001c 000c 05 0028 0024 ff 000000000000 00 4d5353514c53657276657200
    58e63f31ee78429097e08ff7b3b1b187 00000000000000000000000000000000 00000000";

#[test]
fn r2dbc_is_known_by_its_prelogin() {
    assert_eq!(Driver::of(&hex(R2DBC)), Driver::R2dbc);
}

#[test]
fn nobody_else_is_taken_for_it() {
    for other in [
        // FreeTDS 1.3.17 at 7.1, which does not speak of MARS, and at 7.4.
        "00 001a 0006 01 0020 0001 02 0021 000c 03 002d 0004 ff 090000000000 00 4d5353514c53657276657200 00000000",
        "00 001f 0006 01 0025 0001 02 0026 000c 03 0032 0004 04 0036 0001 ff 090000000000 00 4d5353514c53657276657200 00000000 00",
        // jTDS with ssl=request.
        "00 0015 0006 01 001b 0001 02 001c 0001 03 001d 0004 ff 080002ed0000 00 00 00000000",
        // The options in another order, one more, one less, a version.
        "01 0015 0001 00 0016 0006 02 001c 0001 05 001d 0001 ff 00 000000000000 00 00",
        "00 001a 0006 01 0020 0001 02 0021 0001 05 0022 0001 06 0023 0001 ff 000000000000 00 00 00 00",
        "00 0010 0006 01 0016 0001 02 0017 0001 ff 000000000000 00 00",
        "00 0015 0006 01 001b 0001 02 001c 0001 05 001d 0001 ff 010000000000 00 00 00",
        "",
        "ff",
    ] {
        assert_eq!(Driver::of(&hex(other)), Driver::Any, "{other}");
    }
}

/// A PRELOGIN with VERSION, ENCRYPTION, INSTANCE, THREADID and MARS, as SQL Server's own clients send it.
fn of_version(version: &str) -> String {
    let table = "00 001a 0006 01 0020 0001 02 0021 0001 03 0022 0004 04 0026 0001 ff";
    alloc::format!("{table} {version} 00 00 00000000 01")
}

#[test]
fn who_will_ask_for_7_2_or_7_3a_is_known_by_its_version() {
    for (version, driver) in [
        // System.Data of .NET 2.0 to 3.5; SQL Server Native Client 9.00.1399, 9.00.5000, 10.0.1600, 10.0.5500.
        ("020000000000", Driver::Before2008R2),
        ("090005770000", Driver::Before2008R2),
        ("090013880000", Driver::Before2008R2),
        ("0a0006400000", Driver::Before2008R2),
        ("0a00157c0000", Driver::Before2008R2),
        // Microsoft.Data.SqlClient 2.0 and 2.1, System.Data of .NET 4, FreeTDS, Native Client 10.50 and 11.0, mssql-jdbc 9.4 and 10.2,
        // ODBC Driver 17.10, python-tds, tedious.
        ("020050000000", Driver::Any),
        ("020100000000", Driver::Any),
        ("040000000000", Driver::Any),
        ("090000000000", Driver::Any),
        ("0a3206400000", Driver::Any),
        ("0b0007d00000", Driver::Any),
        ("090400000000", Driver::Any),
        ("0a0200000000", Driver::Any),
        ("110a00010000", Driver::Any),
        ("000000000000", Driver::Any),
        ("000000010000", Driver::Any),
    ] {
        assert_eq!(Driver::of(&hex(&of_version(version))), driver, "{version}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Driver::of(&bytes);
    }
}
