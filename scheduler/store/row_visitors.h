// Visitors over the column lists: checksum, binding, reading.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/store/plan_json.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {

// FNV-1a, 64 bits, over the names and values of the columns that are neither empty nor zero. `plan`
// counts as the text that the database holds.
class ChecksumVisitor {
 public:
  explicit ChecksumVisitor(std::string_view plan) : plan_(plan) {}

  void operator()(const char* name, std::string_view value) {
    if (value.empty()) return;
    AddName(name);
    Add(value);
    AddInt(static_cast<int64_t>(value.size()));
  }
  void operator()(const char* name, const int64_t& value) {
    if (value == 0) return;
    AddName(name);
    AddInt(value);
  }
  void operator()(const char* name, const double& value) {
    // The database keeps neither the bits of not-a-number nor the sign of zero.
    (*this)(name, std::isnan(value) ? int64_t{1} : std::bit_cast<int64_t>(value + 0.0));
  }
  void operator()(const char* name, const WallTime& value) { (*this)(name, value.micros); }
  void operator()(const char* name, const std::optional<int64_t>& value) {
    if (!value) return;
    AddName(name);
    AddInt(*value);
  }
  void operator()(const char* name, const std::optional<core::PlanInfo>& value) {
    if (value) (*this)(name, plan_);
  }
  void operator()(const char* name, core::RequestState value) {
    (*this)(name, core::StateName(value));
  }
  void operator()(const char* name, core::Phase value) { (*this)(name, core::PhaseName(value)); }
  template <typename Tag>
  void operator()(const char* name, const TextId<Tag>& value) {
    (*this)(name, std::string_view(value.text));
  }
  template <typename Tag>
  void operator()(const char* name, const NumberId<Tag>& value) {
    (*this)(name, value.value);
  }
  int64_t value() const { return static_cast<int64_t>(hash_); }

 private:
  void AddName(const char* name) {
    Add(name);
    AddByte(0);
  }
  void Add(std::string_view bytes) {
    for (const char byte : bytes) AddByte(static_cast<unsigned char>(byte));
  }
  void AddInt(int64_t value) {
    for (int shift = 0; shift < 64; shift += 8) {
      AddByte(static_cast<unsigned char>(static_cast<uint64_t>(value) >> shift));
    }
  }
  void AddByte(unsigned char byte) {
    constexpr uint64_t kPrime = 1099511628211U;
    hash_ = (hash_ ^ byte) * kPrime;
  }

  const std::string_view plan_;
  uint64_t hash_ = 14695981039346656037U;
};

// Binds every column in order. The row must live until the statement goes.
class BindVisitor {
 public:
  BindVisitor(Statement& statement, std::string_view plan) : statement_(statement), plan_(plan) {}

  void operator()(const char* /*name*/, const std::string& value) { statement_.Bind(value); }
  void operator()(const char* /*name*/, const int64_t& value) { statement_.Bind(value); }
  void operator()(const char* /*name*/, const double& value) { statement_.Bind(value); }
  void operator()(const char* /*name*/, const WallTime& value) { statement_.Bind(value.micros); }
  void operator()(const char* /*name*/, const std::optional<int64_t>& value) {
    value ? statement_.Bind(*value) : statement_.BindNull();
  }
  void operator()(const char* /*name*/, const std::optional<core::PlanInfo>& value) {
    value ? statement_.Bind(plan_) : statement_.BindNull();
  }
  void operator()(const char* /*name*/, core::RequestState value) {
    statement_.Bind(core::StateName(value));
  }
  void operator()(const char* /*name*/, core::Phase value) {
    statement_.Bind(core::PhaseName(value));
  }
  template <typename Tag>
  void operator()(const char* /*name*/, const TextId<Tag>& value) {
    statement_.Bind(value.text);
  }
  template <typename Tag>
  void operator()(const char* /*name*/, const NumberId<Tag>& value) {
    statement_.Bind(value.value);
  }

 private:
  Statement& statement_;
  const std::string_view plan_;
};

// Reads every column in order; the first one that cannot be decoded is remembered.
class ReadVisitor {
 public:
  explicit ReadVisitor(const Statement& statement) : statement_(statement) {}

  void operator()(const char* /*name*/, std::string& value) { value = statement_.View(column_++); }
  void operator()(const char* /*name*/, int64_t& value) { value = statement_.Int(column_++); }
  void operator()(const char* /*name*/, double& value) {
    const int column = column_++;
    value = statement_.IsNull(column) ? std::numeric_limits<double>::quiet_NaN()
                                      : statement_.Double(column);
  }
  void operator()(const char* /*name*/, WallTime& value) {
    value.micros = statement_.Int(column_++);
  }
  void operator()(const char* /*name*/, std::optional<int64_t>& value) {
    const int column = column_++;
    if (!statement_.IsNull(column)) value = statement_.Int(column);
  }
  void operator()(const char* name, std::optional<core::PlanInfo>& value) {
    const int column = column_++;
    if (statement_.IsNull(column)) return;
    plan_ = statement_.View(column);
    auto plan = DecodePlan(plan_);
    if (!plan.ok()) return Fail(name, plan.status().message());
    value = *std::move(plan);
  }
  void operator()(const char* name, core::RequestState& value) {
    ReadName(name, core::ParseState(statement_.View(column_)), value);
  }
  void operator()(const char* name, core::Phase& value) {
    ReadName(name, core::ParsePhase(statement_.View(column_)), value);
  }
  template <typename Tag>
  void operator()(const char* /*name*/, TextId<Tag>& value) {
    value.text = statement_.View(column_++);
  }
  template <typename Tag>
  void operator()(const char* /*name*/, NumberId<Tag>& value) {
    value.value = statement_.Int(column_++);
  }
  // The column after the last one that was read.
  int column() const { return column_; }
  std::string_view plan() const { return plan_; }
  const Status& status() const { return status_; }

 private:
  template <typename Enum>
  void ReadName(const char* name, std::optional<Enum> parsed, Enum& value) {
    ++column_;
    if (!parsed) return Fail(name, "the name is unknown");
    value = *parsed;
  }
  void Fail(const char* name, std::string_view what) {
    if (status_.ok()) status_ = DataLoss(fmt::format("column {}: {}", name, what));
  }

  const Statement& statement_;
  int column_ = 0;
  std::string_view plan_;
  Status status_;
};

}  // namespace koeval::store
