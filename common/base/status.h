// Status and Result<T>: how a function says that an expected thing went wrong.
//
// Three kinds of wrong, three tools:
//   expected (input, network, files, peers)  -> Status / Result<T>, returned and looked at
//   a bug of ours (broken invariant)         -> KOEVAL_CHECK (check.h), on in release, aborts
//   an environment that we do not survive    -> log and exit non-zero; systemd restarts the daemon
// A check is never used on input. Exceptions of third-party libraries are caught at the call and
// turned into a Status there.
//
// A message names the place (file, field, row) and what to do about it, in one sentence each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/check.h"

namespace koeval {

// The canonical codes of gRPC, with the same numbers (common/rpc converts by value).
enum class Code {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and so on.
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // "OK", or "CODE_NAME: message".
  std::string ToString() const;
  // The same code with `context` and ": " in front of the message; an OK status stays as it is.
  Status WithContext(std::string_view context) const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status OkStatus() {
  return Status();
}
inline Status InvalidArgument(std::string m) {
  return {Code::kInvalidArgument, std::move(m)};
}
inline Status NotFound(std::string m) {
  return {Code::kNotFound, std::move(m)};
}
inline Status AlreadyExists(std::string m) {
  return {Code::kAlreadyExists, std::move(m)};
}
inline Status PermissionDenied(std::string m) {
  return {Code::kPermissionDenied, std::move(m)};
}
inline Status ResourceExhausted(std::string m) {
  return {Code::kResourceExhausted, std::move(m)};
}
inline Status FailedPrecondition(std::string m) {
  return {Code::kFailedPrecondition, std::move(m)};
}
inline Status Aborted(std::string m) {
  return {Code::kAborted, std::move(m)};
}
inline Status OutOfRange(std::string m) {
  return {Code::kOutOfRange, std::move(m)};
}
inline Status Unimplemented(std::string m) {
  return {Code::kUnimplemented, std::move(m)};
}
inline Status Internal(std::string m) {
  return {Code::kInternal, std::move(m)};
}
inline Status Unavailable(std::string m) {
  return {Code::kUnavailable, std::move(m)};
}
inline Status DataLoss(std::string m) {
  return {Code::kDataLoss, std::move(m)};
}
inline Status DeadlineExceeded(std::string m) {
  return {Code::kDeadlineExceeded, std::move(m)};
}
inline Status Unauthenticated(std::string m) {
  return {Code::kUnauthenticated, std::move(m)};
}

// A value or the Status that says why there is none. Reading the value of a failed Result aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): as a return
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor): same
    KOEVAL_CHECK(!status_.ok(), "a Result without a value needs a failed Status");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  const T& value() const& {
    KOEVAL_CHECK(ok(), status_.message().c_str());
    return *value_;
  }
  T& value() & {
    KOEVAL_CHECK(ok(), status_.message().c_str());
    return *value_;
  }
  T&& value() && {
    KOEVAL_CHECK(ok(), status_.message().c_str());
    return *std::move(value_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace koeval

#define KOEVAL_CONCAT_INNER(a, b) a##b
#define KOEVAL_CONCAT(a, b) KOEVAL_CONCAT_INNER(a, b)

// Returns from the function when `expr`, a Status, is not OK.
#define RETURN_IF_ERROR(expr)                                                                  \
  do {                                                                                         \
    if (::koeval::Status koeval_status_ = (expr); !koeval_status_.ok()) return koeval_status_; \
  } while (false)

// `lhs` = value of `expr`, a Result; returns its Status when there is none.
#define ASSIGN_OR_RETURN(lhs, expr) \
  KOEVAL_ASSIGN_OR_RETURN_IMPL(KOEVAL_CONCAT(koeval_result_, __LINE__), lhs, expr)
#define KOEVAL_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return result.status();             \
  lhs = std::move(result).value()
