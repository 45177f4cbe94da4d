// Parameters of a URL or a form.
#include "scheduler/web/params.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "scheduler/web/html.h"

namespace koeval::web {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("a parameter has a % without two hex digits");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

Result<Params> Params::Parse(std::string_view text) {
  Params out;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (item.empty()) continue;
    if (out.items_.size() == kParamsMax) {
      return InvalidArgument(fmt::format("there are more than {} parameters", kParamsMax));
    }
    const size_t equals = std::min(item.find('='), item.size());
    ASSIGN_OR_RETURN(std::string name, Decode(item.substr(0, equals)));
    ASSIGN_OR_RETURN(std::string value, Decode(item.substr(std::min(equals + 1, item.size()))));
    out.Add(std::move(name), std::move(value));
  }
  return out;
}

std::string Params::Get(std::string_view name) const {
  for (const auto& [known, value] : items_) {
    if (known == name) return value;
  }
  return "";
}

std::vector<std::string> Params::GetAll(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [known, value] : items_) {
    if (known == name) out.push_back(value);
  }
  return out;
}

bool Params::Has(std::string_view name) const {
  return std::any_of(items_.begin(), items_.end(),
                     [name](const auto& item) { return item.first == name; });
}

Result<std::optional<int64_t>> Params::GetInt(std::string_view name, int64_t least,
                                              int64_t most) const {
  const std::string text = Get(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return InvalidArgument(
        fmt::format("{}: must be a whole number from {} to {}", name, least, most));
  }
  return std::optional<int64_t>(value);
}

Result<std::optional<double>> Params::GetDouble(std::string_view name, double least,
                                                double most) const {
  const std::string text = Get(name);
  if (text.empty()) return std::optional<double>();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least) ||
      value > most) {
    return InvalidArgument(fmt::format("{}: must be a number from {} to {}", name, least, most));
  }
  return std::optional<double>(value);
}

std::string Params::ToQuery() const {
  std::string out;
  for (const auto& [name, value] : items_) {
    if (!out.empty()) out += '&';
    out += UrlComponent(name) + "=" + UrlComponent(value);
  }
  return out;
}

}  // namespace koeval::web
