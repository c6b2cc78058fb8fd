//! `/metrics` in Prometheus' text format, on its own listener: what was counted since the start.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};

/// One figure of another part of the program, read when asked.
#[derive(Clone)]
pub struct Gauge {
    /// `busk_sockets`
    pub name: &'static str,
    pub help: &'static str,
    /// `counter` when it only grows, else `gauge`.
    pub kind: &'static str,
    pub read: Arc<dyn Fn() -> f64 + Send + Sync>,
}

#[derive(Default)]
pub(crate) struct Counts {
    /// Answers by the first digit of their status, 1–5.
    answers: [AtomicU64; 5],
    in_flight: AtomicU64,
    connections: AtomicU64,
    connections_open: AtomicU64,
    jobs_done: AtomicU64,
    jobs_failed: AtomicU64,
}

#[derive(Clone, Default)]
pub struct Metrics {
    counts: Arc<Counts>,
    gauges: Arc<[Gauge]>,
}

/// Counts down again when dropped, however its owner ends.
pub(crate) struct Held(Arc<Counts>, fn(&Counts) -> &AtomicU64);

impl Drop for Held {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// With figures of other parts beside our own.
    pub fn new(gauges: Vec<Gauge>) -> Self {
        Self {
            counts: Arc::default(),
            gauges: gauges.into(),
        }
    }

    fn hold(&self, which: fn(&Counts) -> &AtomicU64) -> Held {
        which(&self.counts).fetch_add(1, Relaxed);
        Held(Arc::clone(&self.counts), which)
    }

    pub(crate) fn connection(&self) -> Held {
        self.counts.connections.fetch_add(1, Relaxed);
        self.hold(|counts| &counts.connections_open)
    }

    /// A request that is being answered, while it is held.
    pub(crate) fn request(&self) -> Held {
        self.hold(|counts| &counts.in_flight)
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(count) = self.counts.answers.get(class.wrapping_sub(1)) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn job(&self, done: bool) {
        let count = if done {
            &self.counts.jobs_done
        } else {
            &self.counts.jobs_failed
        };
        count.fetch_add(1, Relaxed);
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> String {
        let counts = &self.counts;
        let mut out = String::with_capacity(2_048);
        let name = "busk_http_answers_total";
        let _ = writeln!(
            out,
            "# HELP {name} HTTP answers by status class.\n# TYPE {name} counter"
        );
        for (class, count) in counts.answers.iter().enumerate() {
            let _ = writeln!(out, "{name}{{class=\"{}xx\"}} {}", class + 1, count.load(Relaxed));
        }
        for (name, kind, help, count) in [
            (
                "busk_http_in_flight",
                "gauge",
                "HTTP requests being answered.",
                &counts.in_flight,
            ),
            (
                "busk_http_connections_total",
                "counter",
                "TCP connections accepted for HTTP.",
                &counts.connections,
            ),
            (
                "busk_http_connections",
                "gauge",
                "TCP connections that speak HTTP.",
                &counts.connections_open,
            ),
            ("busk_jobs_done_total", "counter", "Jobs done.", &counts.jobs_done),
            (
                "busk_jobs_failed_total",
                "counter",
                "Jobs that failed and were put off.",
                &counts.jobs_failed,
            ),
        ] {
            let value = count.load(Relaxed);
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        for gauge in self.gauges.iter() {
            let Gauge { name, help, kind, .. } = gauge;
            let value = (gauge.read)();
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        out
    }

    /// The router of the metrics' listener.
    pub(crate) fn router(&self) -> Router {
        async fn metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, metrics.text())
        }
        Router::new()
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_each_figure_with_its_type() {
        let metrics = Metrics::new(vec![Gauge {
            name: "busk_sockets",
            help: "Open WebSockets.",
            kind: "gauge",
            read: Arc::new(|| 3.0),
        }]);
        let held = metrics.connection();
        metrics.job(true);
        let text = metrics.text();
        for line in [
            "# TYPE busk_http_answers_total counter",
            "busk_http_answers_total{class=\"5xx\"} 0",
            "busk_http_connections 1",
            "busk_jobs_done_total 1",
            "busk_sockets 3",
        ] {
            assert!(
                text.lines().any(|known| known == line),
                "{line} is not in\n{text}"
            );
        }
        drop(held);
        assert!(metrics.text().contains("\nbusk_http_connections 0\n"));
        assert!(metrics.text().contains("\nbusk_http_connections_total 1\n"));
    }
}
