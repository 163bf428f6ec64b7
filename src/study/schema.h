// The tables of a store (docs/formats.md), and older stores as if they had today's.
#pragma once

#include "study/sqlite.h"

namespace iclab::study {

/// What `PRAGMA user_version` says of a store that this build writes.
inline constexpr int kSchema = 2;

/// Makes the tables of a new store, in one transaction.
void create_tables(Database& database);

/// The schema of a store. Throws Error: not an ICLab store, a schema that this build does not know.
int schema_of(Database& database);

/// Brings an older store to today's tables within the caller's transaction; its checksums are then "": the caller adds
/// them. Does nothing to a store of today's.
void migrate_tables(Database& database);

/// Lets an older store be read with today's columns, by views of this connection alone.
void view_as_current(Database& database);

}  // namespace iclab::study
