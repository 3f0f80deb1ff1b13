//! The identity endpoint of App Service, giving tokens that a test has chosen.

use std::future::Future;
use std::sync::OnceLock;

use azdb_emulator::{
    Behaviour, IdentityEndpoint, Issuer, ManagedIdentity, OSSRDBMS_AUDIENCE, Shape,
};
use tokio::runtime::Runtime;

/// Runs what is asynchronous in the emulator, on threads that all tests share.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().unwrap());
    runtime.block_on(work)
}

/// The signer of all tokens of this process. Making its key takes a while.
#[must_use]
pub fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| Issuer::new("11111111-2222-3333-4444-555555555555").unwrap())
}

/// A token like those of Azure, of `size` bytes or a few more.
#[must_use]
pub fn token_of(size: usize) -> String {
    let shape = Shape {
        size,
        ..Shape::default()
    };
    let identity = ManagedIdentity::system_assigned("an identity of the tests");
    let token = issuer().issue_as(&identity, OSSRDBMS_AUDIENCE, shape);
    token.unwrap().access_token
}

/// An endpoint that gives one token, until it is told otherwise.
pub struct Identity {
    endpoint: IdentityEndpoint,
}

impl Identity {
    /// Starts an endpoint that gives `token`.
    #[must_use]
    pub fn giving(token: &str) -> Self {
        let identity = ManagedIdentity::system_assigned("an identity of the tests");
        let start = IdentityEndpoint::start(
            ([127, 0, 0, 1], 0).into(),
            "the identity header of the tests",
            vec![identity],
            issuer().clone(),
        );
        let endpoint = block_on(start).unwrap();
        let identity = Self { endpoint };
        identity.give(token);
        identity
    }

    /// Gives this token from now on, good for a day.
    pub fn give(&self, token: &str) {
        self.endpoint.set_default(Self::answer(token, 86_400));
    }

    /// Gives this token from now on, and says that it ends in `seconds`.
    pub fn give_for(&self, token: &str, seconds: u64) {
        self.endpoint.set_default(Self::answer(token, seconds));
    }

    /// The answer with a token that ends in `seconds`.
    #[must_use]
    pub fn answer(token: &str, seconds: u64) -> Behaviour {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let body = serde_json::json!({
            "access_token": token,
            "expires_on": (now + seconds).to_string(),
            "resource": OSSRDBMS_AUDIENCE,
            "token_type": "Bearer",
            "client_id": "00000000-0000-0000-0000-000000000000",
        });
        Behaviour::status(200, &body.to_string())
    }

    /// The endpoint, to script it and to see what it was asked.
    #[must_use]
    pub fn endpoint(&self) -> &IdentityEndpoint {
        &self.endpoint
    }

    /// What App Service sets for the process that has an identity.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        environment(&self.endpoint)
    }
}

/// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` of an endpoint.
pub(crate) fn environment(endpoint: &IdentityEndpoint) -> [(&'static str, String); 2] {
    [
        ("IDENTITY_ENDPOINT", endpoint.url()),
        ("IDENTITY_HEADER", endpoint.secret().to_owned()),
    ]
}
