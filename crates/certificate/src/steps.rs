//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Finds the domain, its certificate and when that is due.
pub(crate) const RESOLVE: &str = "resolve domain";
/// Ends the renewals of a domain that is gone.
pub(crate) const FORGET: &str = "forget renewal";
/// Puts challenge and renewal right for a certificate that is still good.
pub(crate) const KEEP: &str = "keep certificate";
/// Takes the challenge into work.
pub(crate) const CLAIM: &str = "claim challenge";
/// Reads the authority's directory and the name's CAA records.
pub(crate) const PREFLIGHT: &str = "preflight";
/// Finds or makes the account at the authority.
pub(crate) const ACCOUNT: &str = "account";
/// Forgets an account the authority does not know any more.
pub(crate) const DROP_ACCOUNT: &str = "drop account";
/// Makes the order.
pub(crate) const NEW_ORDER: &str = "new order";
/// Publishes what the authority will ask for.
pub(crate) const PUBLISH: &str = "publish challenge";
/// Looks whether a published record has reached every name server.
pub(crate) const SEEN: &str = "record seen";
/// Tells the authority that it may ask.
pub(crate) const SET_READY: &str = "set ready";
/// Looks at the order.
pub(crate) const LOOK: &str = "look at order";
/// Makes the private key; only its ciphertext leaves the step.
pub(crate) const MAKE_KEY: &str = "make key";
/// Sends the certificate request.
pub(crate) const FINALIZE: &str = "finalize";
/// Fetches the chain, checks it and stores it.
pub(crate) const STORE: &str = "store certificate";
/// Takes a published record away again.
pub(crate) const WITHDRAW: &str = "withdraw record";
/// Notes that an attempt has failed, and when the next one is due.
pub(crate) const MARK_FAILED: &str = "mark failed";
/// Notes that an attempt has ended without a failure of the name's, and when the next one is due.
pub(crate) const REST: &str = "rest challenge";
/// Takes the challenge out of work when the invocation is cancelled.
pub(crate) const UNDO_CLAIM: &str = "undo: claim challenge";
/// Takes the record away when the invocation is cancelled.
pub(crate) const UNDO_PUBLISH: &str = "undo: publish challenge";

/// Gives every verified domain its row among the renewals.
pub(crate) const ADOPT: &str = "adopt challenges";
/// Drops rows of domains that are gone or not verified.
pub(crate) const DROP_GONE: &str = "drop gone domains";
/// Asks the authority when certificates should be renewed.
pub(crate) const WINDOWS: &str = "refresh windows";
/// Makes due what ends within the days asked for.
pub(crate) const WIDEN: &str = "widen";
/// Reads one page of what is due.
pub(crate) const DUE: &str = "list due";
/// Tells the monitor.
pub(crate) const HEARTBEAT: &str = "send heartbeat";
