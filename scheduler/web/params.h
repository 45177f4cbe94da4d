// Parameters of a URL or a form: names may repeat, order is kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace koeval::web {

class Params {
 public:
  // Of `text` as a browser writes a query or a form (application/x-www-form-urlencoded).
  // INVALID_ARGUMENT: more than kParamsMax of them, or a broken %XX.
  static Result<Params> Parse(std::string_view text);

  void Add(std::string name, std::string value) {
    items_.emplace_back(std::move(name), std::move(value));
  }
  // The first of that name; "" without one.
  std::string Get(std::string_view name) const;
  std::vector<std::string> GetAll(std::string_view name) const;
  bool Has(std::string_view name) const;
  // INVALID_ARGUMENT names the parameter when it is there and no whole number from `least` to
  // `most`.
  Result<std::optional<int64_t>> GetInt(std::string_view name, int64_t least, int64_t most) const;
  // The same for a number with a point.
  Result<std::optional<double>> GetDouble(std::string_view name, double least, double most) const;
  // "a=1&b=2", to be put behind "?".
  std::string ToQuery() const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

inline constexpr size_t kParamsMax = 200;

}  // namespace koeval::web
