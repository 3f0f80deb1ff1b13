//! Words for what can go wrong that stay the same when its text is bettered: dashboards and alerts stand on them, `docs/metrics.md` lists
//! them. Two faults share a word where whoever reads it does the same about both.

use super::{AppTlsFlaw, Cause, Left, TlsFlaw};

pub(super) fn of_cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::UnknownUser { .. } => "unknown_user",
        Cause::NotAdmitted { .. } => "not_admitted",
        Cause::NotAnnounced { .. } => "not_announced",
        Cause::WrongPassword { .. } => "wrong_password",
        Cause::TooManyWrong { .. } => "too_many_wrong_passwords",
        Cause::AppWithoutTls => "app_without_tls",
        Cause::TooMany { .. } => "route_full",
        Cause::ShuttingDown => "shutting_down",
        Cause::Moved { .. } => "upstream_moved",
        Cause::Idle { .. } => "idle_timeout",
        Cause::NoRandomness => "no_randomness",
        Cause::Token { .. } => "token",
        Cause::SecretTooLong { .. } => "secret_too_long",
        Cause::Password(_) => "password_exchange",
        Cause::PasswordInClear { .. } => "password_in_clear",
        Cause::NoUpstream => "no_upstream",
        Cause::Resolve { .. } => "dns",
        Cause::Connect { .. } => "connect",
        Cause::NoAnswer { .. } => "connect_timeout",
        Cause::Unheard { .. } => "answer_timeout",
        Cause::Loop { .. } => "loop",
        Cause::NoTls { .. } => "upstream_without_tls",
        Cause::StuffedBytes { .. } => "upstream_stuffed_bytes",
        Cause::Tls { flaw, .. } => of_flaw(flaw),
        Cause::NotSealed { .. } => "upstream_not_verified",
        Cause::UpstreamRules { .. } => "upstream_protocol",
        Cause::UpstreamLost { .. } => "upstream_lost",
        Cause::UpstreamSilent { .. } => "upstream_silent",
        Cause::Overdue(_) => "login_timeout",
    }
}

fn of_flaw(flaw: &TlsFlaw) -> &'static str {
    match flaw {
        TlsFlaw::Expired(_) => "upstream_tls_expired",
        TlsFlaw::NotYetValid(_) => "upstream_tls_not_yet_valid",
        TlsFlaw::FirstVersion(_) => "upstream_tls_first_version",
        TlsFlaw::UnknownAuthority(_) => "upstream_tls_unknown_authority",
        TlsFlaw::SelfSigned(_) => "upstream_tls_self_signed",
        TlsFlaw::OtherName(_) => "upstream_tls_other_name",
        TlsFlaw::Unusable(_) => "upstream_tls_unusable_certificate",
        TlsFlaw::OldVersion(_) => "upstream_tls_old_version",
        TlsFlaw::NoCommonCipher(_) => "upstream_tls_no_common_cipher",
        TlsFlaw::NoAlpn => "upstream_tls_no_alpn",
        TlsFlaw::BrokenOff(_) => "upstream_tls_broken_off",
        TlsFlaw::Failed(_) => "upstream_tls_failed",
    }
}

pub(super) fn of_left(left: &Left) -> &'static str {
    match left {
        Left::Gone(_) => "app_left",
        Left::WithoutPassword(_) => "app_without_password",
        Left::Silent(_) => "app_timeout",
        Left::ShuttingDown => "shutting_down",
        Left::Tls(flaw) => of_app_flaw(flaw),
        Left::StuffedBytes(_) => "app_stuffed_bytes",
    }
}

fn of_app_flaw(flaw: &AppTlsFlaw) -> &'static str {
    match flaw {
        AppTlsFlaw::UnknownAuthority(_) => "app_tls_unknown_authority",
        AppTlsFlaw::Expired(_) => "app_tls_expired",
        AppTlsFlaw::NotAccepted(_) => "app_tls_not_accepted",
        AppTlsFlaw::OldVersion(_) => "app_tls_old_version",
        AppTlsFlaw::NewVersion(_) => "app_tls_new_version",
        AppTlsFlaw::NoCommonCipher(_) => "app_tls_no_common_cipher",
        AppTlsFlaw::NoExtendedSecret(_) => "app_tls_no_extended_secret",
        AppTlsFlaw::OtherProtocol(_) => "app_tls_other_protocol",
        AppTlsFlaw::LeftAtCertificate(_) => "app_left_at_certificate",
        AppTlsFlaw::BrokenOff(_) => "app_tls_broken_off",
        AppTlsFlaw::Failed(_) => "app_tls_failed",
    }
}
