//! Which events become lines: by level, not while replaying, and a share of the harmless ones.
//!
//! Not for how lines look (see `format`).

use std::marker::PhantomData;

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// Mutes what a handler says again while its journal is replayed.
pub(crate) use restate_sdk::filter::ReplayAwareFilter as Replayed;

/// Levels by target, with one exception: the SDK's spans always pass (the replay filter lives on them) while its events
/// below WARN do not, unless somebody asked for them.
pub(crate) struct Levels<S> {
    env: EnvFilter,
    quiet: bool,
    subscriber: PhantomData<fn(S)>,
}

impl<S> Levels<S> {
    pub(crate) fn new(env: EnvFilter, quiet: bool) -> Self {
        Self {
            env,
            quiet,
            subscriber: PhantomData,
        }
    }

    fn muted(&self, meta: &Metadata<'_>) -> bool {
        self.quiet
            && meta.is_event()
            && meta.target().starts_with("restate_sdk")
            && *meta.level() > Level::WARN
    }

    fn sdk_span(meta: &Metadata<'_>) -> bool {
        meta.is_span() && meta.target().starts_with("restate_sdk") && *meta.level() <= Level::INFO
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for Levels<S> {
    fn enabled(&self, meta: &Metadata<'_>, cx: &Context<'_, S>) -> bool {
        !self.muted(meta) && (Self::sdk_span(meta) || Filter::enabled(&self.env, meta, cx))
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        if self.muted(meta) {
            Interest::never()
        } else if Self::sdk_span(meta) {
            Interest::always()
        } else {
            <EnvFilter as Filter<S>>::callsite_enabled(&self.env, meta)
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Spans of the SDK are INFO.
        <EnvFilter as Filter<S>>::max_level_hint(&self.env).map(|hint| hint.max(LevelFilter::INFO))
    }

    fn on_new_span(
        &self,
        attrs: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        cx: Context<'_, S>,
    ) {
        <EnvFilter as Filter<S>>::on_new_span(&self.env, attrs, id, cx);
    }

    fn on_record(&self, id: &tracing::Id, values: &tracing::span::Record<'_>, cx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_record(&self.env, id, values, cx);
    }

    fn on_enter(&self, id: &tracing::Id, cx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_enter(&self.env, id, cx);
    }

    fn on_exit(&self, id: &tracing::Id, cx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_exit(&self.env, id, cx);
    }

    fn on_close(&self, id: tracing::Id, cx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_close(&self.env, id, cx);
    }
}

/// Leaves out spans that are there for traces alone: a line shows the fields of the span it was written in, and those of a
/// handler say more than the name of a step.
pub(crate) struct Places;

impl Places {
    fn is_one(meta: &Metadata<'_>) -> bool {
        !(meta.is_span() && meta.target() == trace_context::TARGET)
    }
}

impl<S> Filter<S> for Places {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::is_one(meta)
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        match Self::is_one(meta) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }
}

/// Leaves out what a library says of answers it could not use: whole, with whatever secret an outside repeats in them. The
/// adapter says the same, and withholds that.
pub(crate) struct Echoes;

impl Echoes {
    fn is_one(meta: &Metadata<'_>) -> bool {
        meta.is_event() && meta.target().starts_with("clickhouse::")
    }
}

impl<S> Filter<S> for Echoes {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !Self::is_one(meta)
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        match Self::is_one(meta) {
            true => Interest::never(),
            false => Interest::always(),
        }
    }
}

/// Keeps every warning and error, and a share of the rest.
pub(crate) struct Sample {
    rate: f64,
}

impl Sample {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate }
    }
}

impl<S> Filter<S> for Sample {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.rate >= 1.0
            || *event.metadata().level() <= Level::WARN
            || rand::random::<f64>() < self.rate
    }
}

/// Drops what the SDK says, as a warning and twice, each time Restate suspends an invocation that waits: that is no
/// failure, and a thousand waiting deployments would bury the lines that are.
pub(crate) struct Suspensions;

impl<S> Filter<S> for Suspensions {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if !event.metadata().target().starts_with("restate_sdk") {
            return true;
        }
        let mut message = Message::default();
        event.record(&mut message);
        !message.0.contains("Suspended invocation")
    }
}

/// An event's text.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::FilterExt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Remembers the message of each event that came through.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Seen {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut text = Message::default();
            event.record(&mut text);
            self.0.lock().expect("not poisoned").push(text.0);
        }
    }

    fn seen(rate: f64, emit: impl FnOnce()) -> Vec<String> {
        let seen = Seen::default();
        let filter = Levels::new(EnvFilter::new("info"), true)
            .and(Echoes)
            .and(Replayed)
            .and(Suspensions)
            .and(Sample::new(rate));
        let subscriber = tracing_subscriber::registry().with(seen.clone().with_filter(filter));
        tracing::subscriber::with_default(subscriber, emit);
        seen.0.lock().expect("not poisoned").clone()
    }

    #[test]
    fn a_replayed_line_is_not_written_again() {
        let lines = seen(1.0, || {
            let span = tracing::info_span!(target: "restate_sdk::endpoint", "restate_sdk_endpoint_handle", "restate.sdk.is_replaying" = true);
            let entered = span.enter();
            tracing::info!("while replaying");
            span.record("restate.sdk.is_replaying", false);
            tracing::info!("while processing");
            drop(entered);
        });
        assert_eq!(lines, ["while processing"]);
    }

    #[test]
    fn the_sdk_is_quiet_below_warn_and_everybody_below_the_level() {
        let lines = seen(1.0, || {
            tracing::info!(target: "restate_sdk::endpoint", "chatter");
            tracing::warn!(target: "restate_sdk::endpoint", "failure");
            tracing::debug!("detail");
            tracing::warn!(target: "clickhouse::error", "hunter2");
            tracing::info!("ours");
        });
        assert_eq!(lines, ["failure", "ours"]);
    }

    #[test]
    fn a_suspension_is_no_warning() {
        let lines = seen(1.0, || {
            tracing::warn!(target: "restate_sdk::endpoint", "Handler failure: Error {{ code: 599, message: \"Suspended invocation\" }}");
            tracing::warn!(target: "restate_sdk::endpoint", "Handler failure: Error {{ code: 570, message: \"Journal mismatch\" }}");
            tracing::warn!("Suspended invocation");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("Journal mismatch"));
    }

    #[test]
    fn sampling_never_drops_a_warning() {
        let lines = seen(0.0, || {
            tracing::info!("harmless");
            tracing::warn!("careful");
            tracing::error!("broken");
        });
        assert_eq!(lines, ["careful", "broken"]);
    }
}
