//! Letters about reports: that one has arrived (Article 16(4)), what was decided about it (16(5)), the statement of
//! reasons to whom it was decided about (17), and how an appeal was judged (20(5)). What the site's pages say stays there
//! whether a letter comes or not.
//!
//! An account's letters go to the address that its person has confirmed. An address that was typed into a report is
//! nobody's word for it: it gets few letters a day, so that nobody can have the site write to strangers.
//!
//! Invariant: a report is received, a decision is told to somebody, and an appeal is answered in one letter at most. No
//! letter to who reported names whom it is about, and none to those says who reported.

#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use busk_base::{DecisionId, PersonId, ReportId, Timestamp};
use busk_notices::post::{self, Address, Language, To};
use busk_people::person;
use busk_store::{Read, StoreError, Tx, params};

use crate::appeal::Appeal;
use crate::decision::{self, Decision, Measure};
use crate::report::{self, Report};

pub(crate) const LETTERS: &str = "
CREATE TABLE report_language (report BYTEA PRIMARY KEY, language TEXT NOT NULL)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX report_by_contact ON report (LOWER(contact_email), at) WHERE contact_email IS NOT NULL;
";

/// Letters to a typed address in [`A_DAY`]: that reports have arrived, and what was decided.
const RECEIPTS_MAX: i64 = 5;
const DECISIONS_MAX: i64 = 20;
const A_DAY: Duration = Duration::from_secs(24 * 3_600);
/// Whom one decision is told to; those who reported first.
const REPORTERS_MAX: i64 = 1_000;

/// What letters are written with, where the site sends any.
#[derive(Clone, Debug)]
pub(crate) struct Letters {
    /// The site's address.
    pub(crate) site: String,
    /// That the reader of a letter to a typed address would like, as the browser says.
    pub(crate) language: Language,
}

impl Letters {
    /// A report has arrived: says so to the address that it names.
    pub(crate) fn received(&self, tx: &mut Tx, report: &Report, now: Timestamp) -> Result<(), StoreError> {
        let Some(to) = typed(report) else {
            return Ok(());
        };
        tx.execute(
            "INSERT INTO report_language (report, language) VALUES ($1, $2)",
            params![report.id, self.language.tag()],
        )?;
        // This one is among them.
        if reports_of(tx, &to, now - A_DAY)? > RECEIPTS_MAX {
            return Ok(());
        }
        let words = words::received(self.language, &self.site, report);
        post::leave(tx, &[report.id.as_bytes()], &To::Address(to), &words, now);
        Ok(())
    }

    /// A decision was made: tells whom it is about, if anything was done, and those whose reports it answers.
    pub(crate) fn decided(&self, tx: &mut Tx, decision: &Decision, now: Timestamp) -> Result<(), StoreError> {
        let about = PersonId(decision.person);
        if decision.measure != Measure::None
            && person(tx, about)?.is_some()
            && let Some(language) = post::language_of(tx, about)?
        {
            let words = words::statement(language, &self.site, decision);
            post::leave(tx, &[decision.id.as_bytes()], &To::Person(about), &words, now);
        }
        let mut told = BTreeSet::new();
        for report in answered(tx, decision.id)? {
            let Some((to, language)) = self.answers(tx, &report, now)? else {
                continue;
            };
            let name = match &to {
                To::Person(person) => person.to_string(),
                To::Address(address) => address.as_str().to_ascii_lowercase(),
            };
            if told.insert(name) {
                let words = words::decided(language, &self.site, decision, &report);
                post::leave(tx, &[decision.id.as_bytes()], &to, &words, now);
            }
        }
        Ok(())
    }

    /// An appeal was judged: tells who had appealed.
    pub(crate) fn judged(&self, tx: &mut Tx, appeal: &Appeal, now: Timestamp) -> Result<(), StoreError> {
        let Some(judged) = &appeal.judged else {
            return Ok(());
        };
        let appellant = PersonId(appeal.appellant);
        // Guests have no account, and no address.
        if person(tx, appellant)?.is_some()
            && let Some(language) = post::language_of(tx, appellant)?
        {
            let decision = decision::sql::one(tx, appeal.decision)?;
            let reported = decision.is_some_and(|decision| decision.person != appeal.appellant);
            let words = words::judged(language, &self.site, (appeal.at, reported), judged);
            post::leave(tx, &[appeal.id.as_bytes()], &To::Person(appellant), &words, now);
        }
        Ok(())
    }

    /// Where the answer to a report goes: to the address that it names, else to the account's own.
    fn answers(
        &self,
        tx: &mut Tx,
        report: &Report,
        now: Timestamp,
    ) -> Result<Option<(To, Language)>, StoreError> {
        if let Some(address) = typed(report) {
            // This one is among them.
            if decisions_of(tx, &address, now - A_DAY)? > DECISIONS_MAX {
                return Ok(None);
            }
            let language = language_of(tx, report.id)?;
            return Ok(Some((To::Address(address), language)));
        }
        let Some(reporter) = report.reporter.map(PersonId) else {
            return Ok(None);
        };
        let language = post::language_of(tx, reporter)?;
        Ok(language.map(|language| (To::Person(reporter), language)))
    }
}

/// The address that a report names, if a letter can be sent there.
fn typed(report: &Report) -> Option<Address> {
    let typed = report.contact_email.as_deref()?;
    Address::parse(typed).ok()
}

fn language_of(db: &mut impl Read, report: ReportId) -> Result<Language, StoreError> {
    let row = db.row(
        "SELECT language FROM report_language WHERE report = $1",
        params![report],
    )?;
    let tag = row.map_or_else(|| Ok(String::new()), |row| row.get::<String>(0))?;
    Ok(Language::of_tag(&tag))
}

/// The reports that a decision answers, the first ones.
fn answered(db: &mut impl Read, decision: DecisionId) -> Result<Vec<Report>, StoreError> {
    let rows = db.rows(
        "SELECT r.id FROM decision_report d JOIN report r ON r.id = d.report WHERE d.decision = $1 \
         ORDER BY r.at LIMIT $2",
        params![decision, REPORTERS_MAX],
    )?;
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        reports.extend(report::sql::one(db, row.get(0)?)?);
    }
    Ok(reports)
}

/// How many reports have named an address since then.
fn reports_of(db: &mut impl Read, address: &Address, since: Timestamp) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT COUNT(*) FROM report WHERE LOWER(contact_email) = $1 AND contact_email IS NOT NULL AND at > $2",
        params![address.as_str().to_ascii_lowercase(), since],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// How many decisions since then answer reports that name an address.
fn decisions_of(db: &mut impl Read, address: &Address, since: Timestamp) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT COUNT(DISTINCT d.id) FROM report r JOIN decision_report a ON a.report = r.id \
         JOIN decision d ON d.id = a.decision \
         WHERE LOWER(r.contact_email) = $1 AND r.contact_email IS NOT NULL AND d.at > $2",
        params![address.as_str().to_ascii_lowercase(), since],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}
