// Evaluates the expressions of a template.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/template.h"
#include "common/evaluation/template_ast.h"
#include "common/evaluation/template_call.h"

namespace koeval::evaluation {

// Bounds of one rendering.
inline constexpr int64_t kTemplateStepsMax = 2'000'000;
inline constexpr int kTemplateDepthMax = 1200;      // levels of evaluation
inline constexpr size_t kTemplateStepWeight = 256;  // so much of a value counts as one step

inline constexpr int kTemplateCallsMax = 64;  // macros, callers and recursive loops in one another

// A loop that runs.
struct LoopState {
  const Statement* statement = nullptr;
  const ValueList* items = nullptr;
  size_t at = 0;
  int64_t depth0 = 0;
  Value last_changed = Value::Missing("");
};

// The names of one scope. Scopes live on the stack of the statements that open them.
struct Scope {
  explicit Scope(Scope* around) : outer(around) {}

  Scope* outer;
  std::vector<std::pair<std::string, Value>> names;
  LoopState* loop = nullptr;

  void Set(const std::string& name, Value value);
};

// A macro, or the caller of a call block. It cannot leave the scope that it was written in: macros
// are never parts of other values.
struct Macro {
  const Statement* statement = nullptr;
  Scope* scope = nullptr;
};

// Used by one thread, for one rendering. The runner of statements is built on it.
class ExpressionEvaluator {
 protected:
  ExpressionEvaluator(const Json& row, TemplateDialect dialect, RenderContext& context)
      : row_(row), dialect_(dialect), context_(context) {}
  virtual ~ExpressionEvaluator() = default;

  ExpressionEvaluator(const ExpressionEvaluator&) = delete;
  ExpressionEvaluator& operator=(const ExpressionEvaluator&) = delete;

  bool chat() const { return dialect_ == TemplateDialect::kChat; }

  // Every value that arises passes here, so that no template makes large or deep ones.
  Result<Value> Eval(const Expr& expr);
  // The value of `expr`, which must be defined in task files.
  Result<Value> Lenient(const Expr& expr);
  // The text of `value` where it is written out.
  Result<std::string> TextOf(const Value& value, const Place& place) const;
  // The items of `value`; nothing when it is undefined.
  static Result<ValueList> ItemsOf(const Value& value);
  Result<CallArguments> EvalArguments(const Expr& expr);
  Result<Value> Lookup(const std::string& name);

  // Counts one more level; the error when there are too many.
  Status Enter(const Place& place);
  void Leave() { --depth_; }
  Status CountSteps(int64_t steps, const Place& place);

  // What Jinja reports as a TemplateError.
  Status Raised(const Place& place, std::string_view message) const;
  static Status At(const Place& place, const Status& status);
  static Result<Value> At(const Place& place, Result<Value> result);

  virtual Result<Value> CallMacro(const Macro& macro, const CallArguments& arguments,
                                  const Place& place) = 0;
  // The text of a recursive loop over other items.
  virtual Result<Value> Recurse(const LoopState& loop, Scope* outer, const Value& items,
                                const Place& place) = 0;

  Scope root_{nullptr};
  Scope* scope_ = &root_;

 private:
  Result<Value> Defined(const Expr& expr);
  Result<Value> Part(const Expr& expr);
  Result<Value> Dispatch(const Expr& expr);
  Result<Value> EvalSequence(const Expr& expr);
  Result<Value> EvalDict(const Expr& expr);
  Result<Value> EvalAttribute(const Expr& expr);
  Result<Value> EvalItem(const Expr& expr);
  Result<Value> EvalSlice(const Expr& expr);
  Result<Value> EvalCall(const Expr& expr);
  Result<Value> EvalMethod(const Expr& expr, const CallArguments& arguments);
  Result<Value> EvalFunction(const Expr& expr, const CallArguments& arguments);
  Result<Value> EvalChatFunction(const Expr& expr, const CallArguments& arguments);
  Result<Value> EvalLoopCall(const std::string& method, const CallArguments& arguments,
                             const Place& place);
  Result<Value> EvalDictFunction(const Expr& expr, const CallArguments& arguments);
  Result<Value> EvalFilterOrTest(const Expr& expr);
  Result<Value> EvalSign(const Expr& expr);
  Result<Value> EvalCompare(const Expr& expr);
  Result<Value> EvalConcat(const Expr& expr);

  // The scope of the innermost loop that is visible here, or nullptr.
  Scope* FindLoop() const;
  bool IsLoopName(const Expr& expr) const;

  const Json& row_;
  const TemplateDialect dialect_;
  RenderContext& context_;
  int64_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace koeval::evaluation
