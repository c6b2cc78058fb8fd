//! The one JSON line a bench ends with.

use serde::Serialize;

#[derive(Serialize)]
pub struct Report {
    bench: &'static str,
    figures: Vec<Figure>,
    yardsticks: Vec<Figure>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

impl Report {
    pub fn new(bench: &'static str) -> Report {
        Report {
            bench,
            figures: Vec::new(),
            yardsticks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds the median of several rounds.
    pub fn figure(&mut self, name: impl Into<String>, rounds: &[f64], unit: &'static str) {
        self.figures.push(Figure {
            name: name.into(),
            value: rounded(median(rounds)),
            unit,
        });
    }

    pub fn yardstick(&mut self, name: impl Into<String>, rounds: &[f64], unit: &'static str) {
        self.yardsticks.push(Figure {
            name: name.into(),
            value: rounded(median(rounds)),
            unit,
        });
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn print(&self) -> serde_json::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value that at least `part` of the values do not exceed; not a number when there are none.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values = [9.0, 1.0, 5.0, 3.0, 7.0];
        for (part, expected) in [(0.0, 1.0), (0.5, 5.0), (0.8, 7.0), (0.95, 9.0), (1.0, 9.0)] {
            assert_eq!(quantile(&values, part), expected, "{part}");
        }
        assert!(median(&[]).is_nan());
    }
}
