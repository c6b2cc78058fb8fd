//! What the letters say, in the languages that letters are written in.

use busk_base::Timestamp;
use busk_notices::post::{Language, Words};

use crate::appeal::{Judged, Outcome};
use crate::category::Ground;
use crate::decision::{Decision, Measure};
use crate::report::{ObjectKind, Report};

/// That a report has arrived.
pub(super) fn received(language: Language, site: &str, report: &Report) -> Words {
    let page = format!("{site}/me?report={}", report.id);
    let (subject, text) = match language {
        Language::English => (
            "Your report has arrived",
            format!(
                "Your report of {} on {site} has arrived. A person looks at it, no machine decides. What becomes of it \
                 comes to this address, and is here:\n{page}\n\nIf you have reported nothing, somebody gave your address \
                 by mistake: there is nothing to do.\n",
                thing(language, report.kind)
            ),
        ),
        Language::French => (
            "Votre signalement est bien arrivé",
            format!(
                "Votre signalement {} sur {site} est bien arrivé. Une personne l’examine, aucune machine ne décide. La \
                 suite arrivera à cette adresse, et se trouve ici :\n{page}\n\nSi vous n’avez rien signalé, quelqu’un a \
                 donné votre adresse par erreur : il n’y a rien à faire.\n",
                thing(language, report.kind)
            ),
        ),
    };
    Words {
        subject: subject.to_owned(),
        text,
    }
}

/// What was decided about a report. Of whom it is about it says what was done, and no name.
pub(super) fn decided(language: Language, site: &str, decision: &Decision, report: &Report) -> Words {
    let page = match report.reporter {
        Some(_) => format!("{site}/me"),
        None => format!("{site}/me?report={}", report.id),
    };
    let (kind, done, day) = (
        thing(language, report.kind),
        done(language, decision.measure),
        report.at.day(),
    );
    // Where something was done, why is told to whom it was done to.
    let why = match decision.measure {
        Measure::None => format!("{}\n", decision.facts),
        _ => String::new(),
    };
    let until = decision.appeal_until().day();
    let (subject, text) = match language {
        Language::English => {
            let redress = match report.reporter {
                Some(_) => format!(
                    "If you think that this is wrong, you can ask to look again until {until}, at no charge:\n{page}\n\
                     You can also turn to a certified out-of-court dispute settlement body, or to a court.\n"
                ),
                None => format!(
                    "It is here, too:\n{page}\nIf you think that this is wrong, you can turn to a certified out-of-court \
                     dispute settlement body, or to a court.\n"
                ),
            };
            (
                "Your report was decided",
                format!(
                    "On {day} you reported {kind} on {site}. It was decided:\n\n{done}.\n{why}\nA person decided, no \
                     machine.\n\n{redress}"
                ),
            )
        }
        Language::French => {
            let redress = match report.reporter {
                Some(_) => format!(
                    "Si vous pensez que c’est une erreur, vous pouvez demander un nouvel examen jusqu’au {until}, sans \
                     frais :\n{page}\nVous pouvez aussi saisir un organe certifié de règlement extrajudiciaire des \
                     litiges, ou un tribunal.\n"
                ),
                None => format!(
                    "C’est ici aussi :\n{page}\nSi vous pensez que c’est une erreur, vous pouvez saisir un organe certifié \
                     de règlement extrajudiciaire des litiges, ou un tribunal.\n"
                ),
            };
            (
                "Votre signalement a reçu une réponse",
                format!(
                    "Le {day}, vous avez fait un signalement {kind} sur {site}. La décision :\n\n{done}.\n{why}\nUne \
                     personne a décidé, aucune machine.\n\n{redress}"
                ),
            )
        }
    };
    Words {
        subject: subject.to_owned(),
        text,
    }
}

/// The statement of reasons, as the account's page has it.
pub(super) fn statement(language: Language, site: &str, decision: &Decision) -> Words {
    let Decision { facts, basis, .. } = decision;
    let (about, done) = (own(language, decision), done(language, decision.measure));
    let until = decision.until.map(Timestamp::rfc5322);
    let appeal_until = decision.appeal_until().day();
    let page = format!("{site}/me");
    let (subject, text) = match language {
        Language::English => {
            let lasts = until.map_or_else(String::new, |until| format!("\nUntil: {until}"));
            let against = match decision.ground {
                Ground::Law => "Which law",
                Ground::Rules => "Which rule",
            };
            (
                "A decision about you, and why",
                format!(
                    "On {site} it was decided about {about}.\n\nWhat was done: {done}{lasts}\n{against}: {basis}\nWhat was \
                     found: {facts}\nWhere: everywhere this site is seen\nHow: a person decided, after it was reported.\n\n\
                     You can appeal until {appeal_until}, at no charge, also while your account is suspended:\n{page}\nYou \
                     can also turn to a certified out-of-court dispute settlement body, or to a court.\n"
                ),
            )
        }
        Language::French => {
            let lasts = until.map_or_else(String::new, |until| format!("\nJusqu’au : {until}"));
            let against = match decision.ground {
                Ground::Law => "Quelle loi",
                Ground::Rules => "Quelle règle",
            };
            (
                "Une décision à votre sujet, et ses raisons",
                format!(
                    "Sur {site}, une décision a été prise au sujet de {about}.\n\nCe qui a été fait : {done}{lasts}\n\
                     {against} : {basis}\nCe qui a été constaté : {facts}\nOù : partout où ce site est vu\nComment : une \
                     personne a décidé, après un signalement.\n\nVous pouvez faire appel jusqu’au {appeal_until}, sans \
                     frais, même si votre compte est suspendu :\n{page}\nVous pouvez aussi saisir un organe certifié de \
                     règlement extrajudiciaire des litiges, ou un tribunal.\n"
                ),
            )
        }
    };
    Words {
        subject: subject.to_owned(),
        text,
    }
}

/// How an appeal was judged, with the operator's words. `reported`: by who had reported it.
pub(super) fn judged(
    language: Language,
    site: &str,
    (appealed, reported): (Timestamp, bool),
    judged: &Judged,
) -> Words {
    let (day, page, answer) = (appealed.day(), format!("{site}/me"), &judged.answer);
    let (subject, text) = match language {
        Language::English => {
            let outcome = match (judged.outcome, reported) {
                (Outcome::Upheld, _) => "The decision stands.",
                (Outcome::Reversed, false) => "You were right: the decision does not stand.",
                (Outcome::Reversed, true) => "You were right: what you reported is decided anew.",
            };
            (
                "Your appeal was decided",
                format!(
                    "On {day} you appealed against a decision on {site}. A person has looked at it again, no machine.\n\n\
                     {outcome}\nWhy: {answer}\n\nIt is here, too:\n{page}\nIf you think that this is wrong, you can turn to a \
                     certified out-of-court dispute settlement body, or to a court.\n"
                ),
            )
        }
        Language::French => {
            let outcome = match (judged.outcome, reported) {
                (Outcome::Upheld, _) => "La décision est maintenue.",
                (Outcome::Reversed, false) => "Vous aviez raison : la décision n’est pas maintenue.",
                (Outcome::Reversed, true) => "Vous aviez raison : votre signalement sera décidé à nouveau.",
            };
            (
                "Votre appel a reçu une réponse",
                format!(
                    "Le {day}, vous avez fait appel d’une décision sur {site}. Une personne l’a réexaminée, aucune machine.\n\n\
                     {outcome}\nPourquoi : {answer}\n\nC’est ici aussi :\n{page}\nSi vous pensez que c’est une erreur, vous \
                     pouvez saisir un organe certifié de règlement extrajudiciaire des litiges, ou un tribunal.\n"
                ),
            )
        }
    };
    Words {
        subject: subject.to_owned(),
        text,
    }
}

/// What was reported, without a name.
fn thing(language: Language, kind: ObjectKind) -> &'static str {
    match (language, kind) {
        (Language::English, ObjectKind::Message) => "a message",
        (Language::English, ObjectKind::Person) => "somebody",
        (Language::English, ObjectKind::Room) => "a live",
        (Language::French, ObjectKind::Message) => "d’un message",
        (Language::French, ObjectKind::Person) => "d’une personne",
        (Language::French, ObjectKind::Room) => "d’un direct",
    }
}

/// What a decision is about, to its author.
fn own(language: Language, decision: &Decision) -> String {
    let said = decision.said.as_deref().unwrap_or_default();
    match (language, decision.kind) {
        (Language::English, ObjectKind::Message) => format!("your message “{said}”"),
        (Language::English, ObjectKind::Room) => format!("your live “{said}”"),
        (Language::English, ObjectKind::Person) => "you".to_owned(),
        (Language::French, ObjectKind::Message) => format!("votre message « {said} »"),
        (Language::French, ObjectKind::Room) => format!("votre direct « {said} »"),
        (Language::French, ObjectKind::Person) => "vous".to_owned(),
    }
}

fn done(language: Language, measure: Measure) -> &'static str {
    match (language, measure) {
        (Language::English, Measure::None) => "Nothing was done",
        (Language::English, Measure::RemoveMessage) => "A message was removed",
        (Language::English, Measure::TimeOut) => "Time-out in a channel",
        (Language::English, Measure::Ban) => "Banned from a channel’s chat",
        (Language::English, Measure::EndLive) => "A live was ended",
        (Language::English, Measure::HideRoom) => "A live was ended and hidden",
        (Language::English, Measure::Suspend) => "The account was suspended",
        (Language::French, Measure::None) => "Rien n’a été fait",
        (Language::French, Measure::RemoveMessage) => "Un message a été retiré",
        (Language::French, Measure::TimeOut) => "Exclusion temporaire d’une chaîne",
        (Language::French, Measure::Ban) => "Bannissement du chat d’une chaîne",
        (Language::French, Measure::EndLive) => "Un direct a été terminé",
        (Language::French, Measure::HideRoom) => "Un direct a été terminé et masqué",
        (Language::French, Measure::Suspend) => "Le compte a été suspendu",
    }
}
