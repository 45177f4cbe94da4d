// The model hub as the scheduler uses it: repositories that submissions name, and whose a token is.
#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"
#include "common/hub/repository.h"

namespace koeval::service {

// Blocks for as long as the hub takes, within the bounds of its client; thread-safe. Errors have
// the codes of common/hub/repository.h.
class ModelHub {
 public:
  virtual ~ModelHub() = default;
  // The repository org/name at `revision`, resolved to a commit.
  virtual Result<std::unique_ptr<hub::Repository>> Open(const std::string& id,
                                                        const std::string& revision) = 0;
  // The account that `token` belongs to. UNAUTHENTICATED when the hub does not know it. The token
  // is sent to the hub and kept nowhere.
  virtual Result<std::string> AccountOf(const std::string& token) = 0;
  // Ends running calls soon; later ones end at once.
  virtual void Stop() = 0;
};

}  // namespace koeval::service
