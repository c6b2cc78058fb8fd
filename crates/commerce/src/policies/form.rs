//! A policy as it comes by HTTP: every field by its name, and each refused by its name. Nothing is left to a default: a
//! forgotten field would take back what an earlier policy said.

use busk_base::{OutOfBounds, Policy};
use serde_json::{Map, Value};

/// Reads a policy; what of it cannot be read or cannot be, by field.
pub(super) fn read(given: &Map<String, Value>) -> Result<Policy, Vec<OutOfBounds>> {
    let pattern = pattern();
    let mut found = Vec::new();
    let mut says = |field: &str, why: String| {
        found.push(OutOfBounds {
            field: field.to_owned(),
            why,
        });
    };
    for (field, _) in pattern.iter().filter(|(field, _)| !given.contains_key(*field)) {
        says(field, "is missing".into());
    }
    for (field, value) in given {
        if !pattern.contains_key(field) {
            says(field, "is no field of a policy".into());
            continue;
        }
        // Alone, so that what is wrong is known to be wrong with this field.
        let mut alone = pattern.clone();
        alone.insert(field.clone(), value.clone());
        if let Err(error) = serde_json::from_value::<Policy>(Value::Object(alone)) {
            says(field, error.to_string());
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let policy: Policy = serde_json::from_value(Value::Object(given.clone()))
        .expect("every field was read by itself, and none is missing");
    match policy.out_of_bounds() {
        none if none.is_empty() => Ok(policy),
        found => Err(found),
    }
}

/// Every field, with what it has in policy 1.
fn pattern() -> Map<String, Value> {
    match serde_json::to_value(Policy::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("a policy is written as an object of numbers and lists"),
    }
}
