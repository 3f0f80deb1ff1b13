#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| azdb_fuzz::tls::run(data));
