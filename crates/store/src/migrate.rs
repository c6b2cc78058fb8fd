//! Migrations: each runs once, in order, each in its own transaction with the note that it ran.

use crate::engine::Engine;
use crate::{StoreError, params};

/// A named change of the schema, in PostgreSQL's spelling (`BIGINT`, `BYTEA`, `TEXT`, `BOOLEAN`).
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY)";

pub(crate) fn run(engine: &mut Engine, migrations: &[Migration]) -> Result<(), StoreError> {
    engine.schema(TABLE)?;
    for migration in migrations {
        engine.begin()?;
        let ran = once(engine, migration);
        match ran {
            Ok(()) => engine.commit()?,
            Err(error) => {
                engine.rollback()?;
                return Err(StoreError::Broken(format!(
                    "migration {}: {error}",
                    migration.name
                )));
            }
        }
    }
    Ok(())
}

fn once(engine: &mut Engine, migration: &Migration) -> Result<(), StoreError> {
    let done = engine.query(
        "SELECT name FROM schema_migration WHERE name = $1",
        params![migration.name],
    )?;
    if !done.is_empty() {
        return Ok(());
    }
    engine.schema(migration.sql)?;
    engine.execute(
        "INSERT INTO schema_migration (name) VALUES ($1)",
        params![migration.name],
    )?;
    tracing::info!(migration = migration.name, "migrated");
    Ok(())
}
