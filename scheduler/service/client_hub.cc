// ModelHub over the hub's client.
#include "scheduler/service/client_hub.h"

#include <utility>

#include "common/base/cancel.h"
#include "common/hub/hub_client.h"
#include "common/hub/hub_settings.h"

namespace koeval::service {
namespace {

class ClientHub final : public ModelHub {
 public:
  explicit ClientHub(std::shared_ptr<hub::HubClient> client) : client_(std::move(client)) {}

  Result<std::unique_ptr<hub::Repository>> Open(const std::string& id,
                                                const std::string& revision) override {
    return hub::HubClient::Open(client_, hub::RepositoryKind::kModel, id, revision, cancel_);
  }

  Result<std::string> AccountOf(const std::string& token) override {
    ASSIGN_OR_RETURN(const hub::HubAccount account, client_->WhoAmI(token, *cancel_));
    return account.name;
  }

  void Stop() override { cancel_->Ask(); }

 private:
  const std::shared_ptr<hub::HubClient> client_;
  const std::shared_ptr<Cancel> cancel_ = std::make_shared<Cancel>();
};

}  // namespace

Result<std::shared_ptr<ModelHub>> MakeModelHub(const HubConfig& config) {
  if (config.endpoint.empty()) return std::shared_ptr<ModelHub>();
  hub::HubSettings settings;
  settings.endpoint = config.endpoint;
  settings.token_file = config.token_file;
  auto client = hub::MakeHubClient(settings);
  if (!client.ok()) return client.status().WithContext("hub");
  return std::shared_ptr<ModelHub>(std::make_shared<ClientHub>(*std::move(client)));
}

}  // namespace koeval::service
