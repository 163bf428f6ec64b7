#include "study/schema.h"

#include <fmt/format.h>

#include "base/error.h"

namespace iclab::study {
namespace {

constexpr int kApplication = 0x49434c61;  // "ICLa"

// Documented in docs/formats.md.
constexpr const char* kTables = R"(
CREATE TABLE identities (
  number INTEGER PRIMARY KEY,
  text   TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE runs (
  number     INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  identity   INTEGER NOT NULL REFERENCES identities (number),
  study_seed INTEGER NOT NULL,
  seed_index INTEGER NOT NULL,
  status     TEXT NOT NULL
    CHECK (status IN ('running', 'finished', 'stopped', 'diverged', 'failed')),
  step       INTEGER NOT NULL,
  seconds    REAL NOT NULL,
  error      TEXT NOT NULL,
  plan       TEXT NOT NULL,
  cause      TEXT NOT NULL DEFAULT '',
  checksum   TEXT NOT NULL DEFAULT '',
  seal       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE checkpoints (
  run      INTEGER PRIMARY KEY REFERENCES runs (number),
  state    BLOB NOT NULL,
  checksum TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE weights (
  run       INTEGER NOT NULL REFERENCES runs (number),
  position  INTEGER NOT NULL,
  name      TEXT NOT NULL,
  shape     TEXT NOT NULL,
  precision TEXT NOT NULL CHECK (precision IN ('float32', 'float64')),
  data      BLOB NOT NULL,
  PRIMARY KEY (run, position)
) STRICT;
CREATE TABLE probes (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL,
  settings TEXT NOT NULL
) STRICT;
CREATE TABLE series (
  number   INTEGER PRIMARY KEY,
  run      INTEGER NOT NULL REFERENCES runs (number),
  probe    TEXT NOT NULL,
  name     TEXT NOT NULL,
  elements INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run, probe, name)
) STRICT;
CREATE TABLE measurements (
  series INTEGER NOT NULL REFERENCES series (number),
  step   INTEGER NOT NULL,
  value  BLOB NOT NULL,
  PRIMARY KEY (series, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE blanks (
  run   INTEGER NOT NULL REFERENCES runs (number),
  probe TEXT NOT NULL,
  step  INTEGER NOT NULL,
  PRIMARY KEY (run, probe, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE documents (
  key      TEXT PRIMARY KEY,
  text     TEXT NOT NULL,
  checksum TEXT NOT NULL DEFAULT ''
) STRICT;
)";

// Schema 2 (2026-12-01): why a run diverged, checksums, and how many numbers each output of a probe has.
constexpr const char* kFromSchema1 = R"(
ALTER TABLE runs ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN elements INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoints ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
)";
constexpr const char* kViewsOfSchema1 = R"(
PRAGMA temp_store = MEMORY;
CREATE TEMP VIEW runs AS SELECT *, '' AS cause, '' AS checksum, '' AS seal FROM main.runs;
CREATE TEMP VIEW series AS SELECT *, 0 AS elements FROM main.series;
CREATE TEMP VIEW checkpoints AS SELECT *, '' AS checksum FROM main.checkpoints;
CREATE TEMP VIEW documents AS SELECT *, '' AS checksum FROM main.documents;
)";

void set_version(Database& database) {
  database.execute(fmt::format("PRAGMA user_version = {}", kSchema).c_str());
}

}  // namespace

void create_tables(Database& database) {
  Transaction transaction(database);
  database.execute(kTables);
  database.execute(fmt::format("PRAGMA application_id = {}", kApplication).c_str());
  set_version(database);
  transaction.commit();
}

int schema_of(Database& database) {
  const std::string name = database.file().string();
  if (database.integer("PRAGMA page_count") == 0)
    throw Error(fmt::format("{}: is empty: a command ended before it could write; run it again", name));
  if (database.integer("PRAGMA application_id") != kApplication)
    throw Error(fmt::format("{}: is not an ICLab store (another program's SQLite file)", name));
  const std::int64_t schema = database.integer("PRAGMA user_version");
  if (schema < 1 || schema > kSchema)
    throw Error(fmt::format("{}: found a store of schema {}, accepted are schemas 1 to {}", name, schema, kSchema));
  return static_cast<int>(schema);
}

void migrate_tables(Database& database) {
  if (schema_of(database) == kSchema) return;
  database.execute(kFromSchema1);
  set_version(database);
}

void view_as_current(Database& database) {
  if (schema_of(database) == 1) database.execute(kViewsOfSchema1);
}

}  // namespace iclab::study
