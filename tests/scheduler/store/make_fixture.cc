// Writes the fixture database of the present schema version to the path that is given.
#include <cstdio>

#include "scheduler/store/job_store.h"
#include "tests/scheduler/store/fixture_rows.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  auto store = koeval::store::OpenSqliteStore(argv[1]);
  koeval::Status status = store.status();
  if (status.ok()) status = (*store)->Commit(koeval::store::FixtureRows());
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
