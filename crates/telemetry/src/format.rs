//! Puts the process's identity into every log line, and the ids of the trace into JSON ones.
//!
//! Not for filtering (see `filter`) nor for the fields of single events.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::Options;

/// The identity, ready to be written.
pub(crate) struct Instance {
    json: String,
    human: String,
}

impl Instance {
    pub(crate) fn new(options: &Options) -> Self {
        let Options {
            instance_id,
            region,
            version,
            ..
        } = options;
        let json = serde_json::json!({ "id": instance_id, "region": region, "version": version })
            .to_string();
        let human = [instance_id, region, version]
            .iter()
            .filter(|t| !t.is_empty())
            .map(|t| format!("{t} "))
            .collect();
        Self { json, human }
    }
}

/// A format with the identity added: as first member of a JSON line, or before a human one.
pub(crate) struct WithInstance<F> {
    inner: F,
    json: bool,
    text: String,
}

impl<F> WithInstance<F> {
    pub(crate) fn json(inner: F, instance: &Instance) -> Self {
        Self {
            inner,
            json: true,
            text: instance.json.clone(),
        }
    }

    pub(crate) fn human(inner: F, instance: &Instance) -> Self {
        Self {
            inner,
            json: false,
            text: instance.human.clone(),
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithInstance<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if !self.json {
            writer.write_str(&self.text)?;
            return self.inner.format_event(ctx, writer, event);
        }
        let mut line = String::new();
        self.inner
            .format_event(ctx, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(rest) => {
                write!(writer, "{{\"instance\":{},", self.text)?;
                if let Some((trace, span)) = trace_context::ids() {
                    write!(writer, "\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",")?;
                }
                writer.write_str(rest)
            }
            None => writer.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Buffer {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn every_json_line_names_the_instance() {
        let options = Options {
            instance_id: "ins_\"1".into(),
            region: "eu".into(),
            version: "1.2".into(),
            ..Options::default()
        };
        let instance = Instance::new(&options);
        let buffer = Buffer::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(buffer.clone())
            .map_event_format(|inner| WithInstance::json(inner, &instance))
            .finish();
        tracing::subscriber::with_default(subscriber, || tracing::info!(count = 3, "hello"));
        let text =
            String::from_utf8(buffer.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        let line: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
        assert_eq!(
            line["instance"],
            serde_json::json!({ "id": "ins_\"1", "region": "eu", "version": "1.2" })
        );
        assert_eq!(
            (&line["fields"]["message"], &line["fields"]["count"]),
            (&"hello".into(), &3.into())
        );
    }
}
