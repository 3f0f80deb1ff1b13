//! Logging in with what a route logs in with: how often, and with what.

use std::time::Duration;

use azdb_config::route::UpstreamAuth;
use azdb_identity::Clock;
use tempfile::NamedTempFile;

use super::*;
use crate::deadline::Deadline;
use crate::rig::{TOKEN, write_token};

const EXPIRED: Said = Said("the token has expired");
const NEWER: &str = "eyJ.newer.x";
/// A source is asked for another token every 30 seconds at most: after a try it may always be asked again.
const A_TRY: Duration = Duration::from_secs(31);

/// An upstream's answers, one for each try.
struct Script<'a, const LASTING: bool> {
    answers: VecDeque<Result<u32, Fault<Said>>>,
    /// What came, in order.
    came: Vec<String>,
    /// The token's source gives this one when the upstream has answered.
    then: VecDeque<(&'a NamedTempFile, &'a str)>,
}

impl<'a, const LASTING: bool> Script<'a, LASTING> {
    fn of(answers: impl IntoIterator<Item = Result<u32, Fault<Said>>>) -> Self {
        Self {
            answers: answers.into_iter().collect(),
            came: Vec::new(),
            then: VecDeque::new(),
        }
    }

    fn then(mut self, file: &'a NamedTempFile, token: &'a str) -> Self {
        self.then.push_back((file, token));
        self
    }
}

impl<const LASTING: bool> Attempt for Script<'_, LASTING> {
    type Granted = u32;
    type Fault = Said;
    const LIFE: Life = if LASTING { Life::Lasting } else { Life::Any };

    fn upstreams_words(_: &mut u32) -> Vec<&mut [u8]> {
        Vec::new()
    }

    async fn log_in(&mut self, credential: Credential<'_>) -> Result<u32, Fault<Said>> {
        self.came.push(match credential {
            Credential::Token(token) => token.expose().to_owned(),
            Credential::Password(password) => format!("password {}", password.to_prove()),
        });
        tokio::time::sleep(A_TRY).await;
        if let Some((file, token)) = self.then.pop_front() {
            write_token(file, token);
        }
        self.answers.pop_front().expect("one try too many")
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        None
    }
}

fn house() -> House<Silence> {
    House::with(ProtocolName::Postgres, &["db"], |_| {})
}

/// Tries, in the lobby of `house`. Returns also the token that opened the door.
async fn try_in<const LASTING: bool>(
    house: &House<Silence>,
    script: &mut Script<'_, LASTING>,
) -> Result<(u32, Option<String>), Fault<Said>> {
    let lobby = &house.lobby;
    let deadline = Deadline::after(4 * A_TRY);
    let principal = lobby.principal(b"ann").unwrap();
    let (granted, token) =
        log_in(script, principal, lobby, &deadline, std::future::pending()).await?;
    Ok((granted, token.map(|token| token.expose().to_owned())))
}

fn expired() -> Result<u32, Fault<Said>> {
    Err(EXPIRED.into())
}

#[tokio::test(start_paused = true)]
async fn a_token_that_opens_the_door_is_returned_with_what_was_behind_it() {
    let house = house();
    let mut script = Script::<false>::of([Ok(7)]);
    let (granted, token) = try_in(&house, &mut script).await.unwrap();
    assert_eq!(granted, 7);
    assert_eq!(token.unwrap(), TOKEN);
    assert_eq!(script.came, [TOKEN]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_is_replaced_and_the_new_one_is_returned() {
    let house = house();
    let mut script = Script::<false>::of([expired(), Ok(7)]).then(&house.token_file, NEWER);
    let (granted, token) = try_in(&house, &mut script).await.unwrap();
    assert_eq!(granted, 7);
    assert_eq!(token.unwrap(), NEWER);
    assert_eq!(script.came, [TOKEN, NEWER]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_once_and_only_once() {
    let house = house();
    let mut script = Script::<false>::of([expired(), Err(Said("expired too").into())])
        .then(&house.token_file, NEWER)
        .then(&house.token_file, "eyJ.newest.x");
    let refused = try_in(&house, &mut script).await.unwrap_err();
    assert!(
        matches!(refused, Fault::Own(Said("expired too"))),
        "{refused}"
    );
    assert_eq!(script.came, [TOKEN, NEWER]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_matter_of_age_is_told_at_once() {
    let house = house();
    let faults: [Fault<Said>; 2] = [Said("no such role").into(), Cause::NoUpstream.into()];
    for fault in faults {
        let told = fault.to_string();
        let mut script = Script::<false>::of([Err(fault)]).then(&house.token_file, NEWER);
        let refused = try_in(&house, &mut script).await.unwrap_err();
        assert_eq!(refused.to_string(), told);
        assert_eq!(script.came, [TOKEN]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_without_another_token_leaves_the_first_refusal() {
    let house = house();
    let mut script = Script::<false>::of([expired()]).then(&house.token_file, TOKEN);
    let refused = try_in(&house, &mut script).await.unwrap_err();
    assert!(matches!(refused, Fault::Own(EXPIRED)), "{refused}");
    assert_eq!(script.came, [TOKEN]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_meanwhile_leaves_the_first_refusal() {
    let house = house();
    let mut script = Script::<false>::of([expired()]).then(&house.token_file, "\u{0}");
    let refused = try_in(&house, &mut script).await.unwrap_err();
    assert!(matches!(refused, Fault::Own(EXPIRED)), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nobody_is_asked() {
    let house = house();
    std::fs::write(house.token_file.path(), "").unwrap();
    let mut script = Script::<false>::of([]);
    let refused = try_in(&house, &mut script).await.unwrap_err();
    assert!(
        matches!(refused, Fault::Shared(Cause::Token { .. })),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_is_tried_once_and_is_no_token() {
    let house = House::with(ProtocolName::Postgres, &["db"], |route| {
        route.auth = UpstreamAuth::Password("geheim".into());
    });
    let mut script = Script::<false>::of([Ok(7)]);
    let (granted, token) = try_in(&house, &mut script).await.unwrap();
    assert_eq!((granted, token.is_none()), (7, true));

    let mut script = Script::<false>::of([expired()]).then(&house.token_file, NEWER);
    let refused = try_in(&house, &mut script).await.unwrap_err();
    assert!(matches!(refused, Fault::Own(EXPIRED)), "{refused}");
    assert_eq!(script.came, ["password geheim"]);
}

/// Lets the token's source give a token with five minutes to live.
fn write_tired(file: &NamedTempFile) {
    let end = Clock::system().now() + Duration::from_secs(5 * 60);
    let end = end
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let json = format!(
        r#"{{"access_token":"eyJ.tired.x","expires_on":{}}}"#,
        end.as_secs()
    );
    std::fs::write(file.path(), json).unwrap();
}

/// What comes upstream from a source that had a tired token and then gives `next`.
async fn after_a_tired_one<const LASTING: bool>(next: Option<&str>) -> Vec<String> {
    let house = house();
    write_tired(&house.token_file);
    let mut script = Script::<LASTING>::of([Ok(1), Ok(2)]);
    if !LASTING {
        try_in(&house, &mut script).await.unwrap();
    } else {
        let UpstreamAuth::Token(audience) = &house.lobby.route.auth else {
            unreachable!("token mode")
        };
        let identity = &house.lobby.principal(b"ann").unwrap().identity;
        house.lobby.tokens.get(identity, audience).await.unwrap();
        script.came.push("eyJ.tired.x".to_owned());
    }
    match next {
        Some(token) => write_token(&house.token_file, token),
        None => std::fs::write(house.token_file.path(), "").unwrap(),
    }
    try_in(&house, &mut script).await.unwrap();
    script.came
}

#[tokio::test(start_paused = true)]
async fn a_session_that_must_last_waits_for_a_younger_token_if_there_is_one() {
    let came = after_a_tired_one::<true>(Some(NEWER)).await;
    assert_eq!(came, ["eyJ.tired.x", NEWER]);
    let came = after_a_tired_one::<true>(None).await;
    assert_eq!(came, ["eyJ.tired.x", "eyJ.tired.x"], "better than none");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_needs_no_age_takes_the_token_at_hand() {
    let came = after_a_tired_one::<false>(Some(NEWER)).await;
    assert_eq!(came, ["eyJ.tired.x", "eyJ.tired.x"]);
}
