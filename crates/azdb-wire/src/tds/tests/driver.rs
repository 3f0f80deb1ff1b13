use super::hex;
use crate::tds::*;
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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Driver::of(&bytes);
    }
}
