use crate::mysql::capabilities::{ENVELOPES, NEEDED, STRIPPED};
use crate::mysql::*;
use proptest::prelude::*;

/// Bits that change what follows the login: FOUND_ROWS, LONG_FLAG, NO_SCHEMA, ODBC, LOCAL_FILES, IGNORE_SPACE,
/// INTERACTIVE, TRANSACTIONS, MULTI_*, expired passwords, SESSION_TRACK, DEPRECATE_EOF, optional metadata, query
/// attributes.
const AFTER_LOGIN: Capabilities = Capabilities(0x0bc7_25d6);

const OFFERS: [Offer; 4] = [
    Offer {
        tls: false,
        local_files: false,
    },
    Offer {
        tls: false,
        local_files: true,
    },
    Offer {
        tls: true,
        local_files: false,
    },
    Offer {
        tls: true,
        local_files: true,
    },
];

#[test]
fn tls_is_between_two_neighbours() {
    for offer in OFFERS {
        let offered = Capabilities(u32::MAX).offered(offer);
        assert_eq!(offered.has(Capabilities::SSL), offer.tls);
        assert_eq!(
            Capabilities(0).offered(offer).has(Capabilities::SSL),
            offer.tls
        );
        assert!(!offered.towards_upstream(offered).has(Capabilities::SSL));
    }
}

#[test]
fn files_are_offered_only_where_the_upstream_has_them() {
    for offer in OFFERS {
        let has = |caps: u32| {
            Capabilities(caps)
                .offered(offer)
                .has(Capabilities::LOCAL_FILES)
        };
        assert_eq!(has(u32::MAX), offer.local_files);
        assert!(!has(0));
    }
}

#[test]
fn mariadbs_apps_stay_mariadbs() {
    for upstream in [Capabilities(0), Capabilities::MYSQL] {
        for app in [Capabilities(0), Capabilities::MYSQL] {
            let sent = app.towards_upstream(upstream);
            assert_eq!(sent.has(Capabilities::MYSQL), app.has(Capabilities::MYSQL));
        }
    }
}

proptest! {
    #[test]
    fn what_changes_bytes_after_the_login_is_equal_on_both_legs(upstream: u32, app: u32) {
        for offer in OFFERS {
            let offered = Capabilities(upstream).offered(offer);
            // An app takes of what it was offered.
            let taken = Capabilities(app & offered.0);
            let sent = taken.towards_upstream(offered);
            prop_assert_eq!(sent.0 & AFTER_LOGIN.0, taken.0 & AFTER_LOGIN.0);
            prop_assert_eq!(offered.0 & AFTER_LOGIN.0 & !upstream, 0);
        }
    }

    #[test]
    fn nothing_hides_packets_from_the_relay(upstream: u32, app: u32) {
        for offer in OFFERS {
            let offered = Capabilities(upstream).offered(offer);
            let sent = Capabilities(app).towards_upstream(offered);
            for caps in [offered, sent] {
                prop_assert_eq!(caps.0 & STRIPPED.0, 0);
                prop_assert!(caps.has(NEEDED));
            }
            prop_assert!(offered.has(ENVELOPES), "ours to offer");
            prop_assert_eq!(sent.0 & ENVELOPES.0, 0);
        }
    }
}
