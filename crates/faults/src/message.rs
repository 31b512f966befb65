//! What the proxy reads of a message: its kind, and the few fields that identify an invocation, a run step, a callee.
//!
//! Not for payloads: they pass unread. The whole protocol is `service-protocol/dev/restate/service/protocol.proto` in
//! the crate `restate-sdk-shared-core`.

use std::fmt;

use prost::Message;

/// Type of a message of the service protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl Kind {
    /// First message to the worker: whose invocation this is.
    pub const START: Self = Self(0x0000);
    /// The worker waits and lets go of the stream.
    pub const SUSPENSION: Self = Self(0x0001);
    /// The attempt failed.
    pub const ERROR: Self = Self(0x0002);
    /// The invocation is over.
    pub const END: Self = Self(0x0003);
    /// Result of a run step on its way to the journal: its effect has happened.
    pub const RUN_RESULT: Self = Self(0x0005);
    /// What the handler waits for; of no consequence.
    pub const AWAITING_ON: Self = Self(0x0006);
    /// The call's input; journal index 0.
    pub const INPUT: Self = Self(0x0400);
    /// The handler's answer.
    pub const OUTPUT: Self = Self(0x0401);
    /// `ctx.set`.
    pub const SET_STATE: Self = Self(0x0403);
    /// `ctx.sleep`, and the delay of a delayed send.
    pub const SLEEP: Self = Self(0x040C);
    /// A call that is waited for.
    pub const CALL: Self = Self(0x040D);
    /// A one-way send.
    pub const SEND: Self = Self(0x040E);
    /// `ctx.run`: announces the step, before its effect.
    pub const RUN: Self = Self(0x0411);

    /// Whether it takes a place in the journal and moves the journal index.
    pub fn is_command(self) -> bool {
        (0x0400..0x8000).contains(&self.0)
    }

    /// Its name in the protocol, or its number.
    pub fn name(self) -> String {
        let name = match self.0 {
            0x0000 => "Start",
            0x0001 => "Suspension",
            0x0002 => "Error",
            0x0003 => "End",
            0x0005 => "RunResult",
            0x0006 => "AwaitingOn",
            0x0400 => "Input",
            0x0401 => "Output",
            0x0402 => "GetLazyState",
            0x0403 => "SetState",
            0x0404 => "ClearState",
            0x0405 => "ClearAllState",
            0x0406 => "GetLazyStateKeys",
            0x0407 => "GetEagerState",
            0x0408 => "GetEagerStateKeys",
            0x0409 => "GetPromise",
            0x040A => "PeekPromise",
            0x040B => "CompletePromise",
            0x040C => "Sleep",
            0x040D => "Call",
            0x040E => "Send",
            0x0410 => "SendSignal",
            0x0411 => "Run",
            0x0412 => "AttachInvocation",
            0x0413 => "GetInvocationOutput",
            0x0414 => "CompleteAwakeable",
            other => return format!("{other:#06x}"),
        };
        name.to_owned()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A message that came from the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Name of the service.
    pub service: String,
    /// Name of the handler.
    pub handler: String,
    /// Object key; empty for plain services.
    pub key: String,
    /// Invocation id as the admin API writes it, `inv_…`.
    pub invocation: String,
    /// Which attempt of this invocation this proxy saw, from 1.
    pub attempt: u32,
    /// Journal index of the command, counted over all attempts (the input is 0, so a handler's first command is 1); of
    /// a run result: that of its run. None for other messages.
    pub index: Option<usize>,
    /// What it was.
    pub kind: Kind,
    /// Name of the run step; `service/handler` of a call or send; the entry's own name otherwise.
    pub name: String,
    /// Whether a rule kept it from the server.
    pub cut: bool,
}

impl Seen {
    /// Kind and name, as for a list of steps: `Run claim row`, `Call a.Service/Handler`, `Output`.
    pub fn step(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.handler)?;
        if let Some(index) = self.index {
            write!(f, " #{index}")?;
        }
        write!(
            f,
            " {} ({} attempt {})",
            self.step(),
            self.invocation,
            self.attempt
        )
    }
}

/// StartMessage.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Start {
    #[prost(string, tag = "2")]
    pub(crate) debug_id: String,
    #[prost(string, tag = "6")]
    pub(crate) key: String,
}

/// RunCommandMessage.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Run {
    #[prost(uint32, tag = "11")]
    pub(crate) result_completion_id: u32,
    #[prost(string, tag = "12")]
    pub(crate) name: String,
}

/// ProposeRunCompletionMessage.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RunResult {
    #[prost(uint32, tag = "1")]
    pub(crate) result_completion_id: u32,
}

/// CallCommandMessage and OneWayCallCommandMessage.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Call {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
    #[prost(string, tag = "2")]
    pub(crate) handler: String,
}

/// The name every other command may have.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(string, tag = "12")]
    pub(crate) name: String,
}
