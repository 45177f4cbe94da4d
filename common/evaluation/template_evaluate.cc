// Expressions of templates, as Jinja2 and Python evaluate them.
#include "common/evaluation/template_evaluate.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/evaluation/template_functions.h"
#include "common/evaluation/template_lexer.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr int kValueDepthMax = 100;

using Kind = Expr::Kind;

void Put(ValueDict& items, Value key, Value value) {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const auto& item) { return item.first.Equals(key); });
  if (found == items.end()) {
    items.emplace_back(std::move(key), std::move(value));
  } else {
    found->second = std::move(value);
  }
}

// What raise_exception(...) says. A text that is made while rendering could hold the conversation,
// which errors never do.
std::string Refusal(const Expr& call) {
  const bool written = call.operands.size() == 2 && call.operands[1]->kind == Kind::kLiteral;
  if (written) return "the template says: " + call.operands[1]->literal.Str();
  return "the template refuses the conversation";
}

}  // namespace

void Scope::Set(const std::string& name, Value value) {
  for (auto& [known, old] : names) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

Status ExpressionEvaluator::Raised(const Place& place, std::string_view message) const {
  return TemplateError(place, message, chat() ? Code::kFailedPrecondition : Code::kInvalidArgument);
}
Status ExpressionEvaluator::At(const Place& place, const Status& status) {
  return TemplateError(place, status.message(), status.code());
}
Result<Value> ExpressionEvaluator::At(const Place& place, Result<Value> result) {
  if (result.ok()) return result;
  return At(place, result.status());
}

Status ExpressionEvaluator::Enter(const Place& place) {
  if (++depth_ > kTemplateDepthMax) {
    return TemplateError(place, "nested too deep");
  }
  return OkStatus();
}

Status ExpressionEvaluator::CountSteps(int64_t steps, const Place& place) {
  steps_ += steps;
  context_.steps += steps;
  if (steps_ > kTemplateStepsMax) return TemplateError(place, "the template runs too long");
  return OkStatus();
}

Result<Value> ExpressionEvaluator::Defined(const Expr& expr) {
  ASSIGN_OR_RETURN(Value value, Eval(expr));
  if (value.is_undefined()) return Raised(expr.place, value.AsUndefined().what);
  return value;
}

Result<Value> ExpressionEvaluator::Lenient(const Expr& expr) {
  return chat() ? Eval(expr) : Defined(expr);
}

// Like Lenient, for what is kept inside of another value: a namespace could contain itself there,
// and a macro could leave its scope.
Result<Value> ExpressionEvaluator::Part(const Expr& expr) {
  ASSIGN_OR_RETURN(Value value, Lenient(expr));
  if (value.is_mapping() && value.AsMapping().is_namespace) {
    return TemplateError(expr.place, "a namespace() cannot be part of another value");
  }
  if (value.is_macro()) {
    return TemplateError(expr.place, "a macro cannot be part of another value");
  }
  return value;
}

Result<std::string> ExpressionEvaluator::TextOf(const Value& value, const Place& place) const {
  const bool is_namespace = value.is_mapping() && value.AsMapping().is_namespace;
  if (value.is_generator() || value.is_macro() || (chat() && is_namespace)) {
    return TemplateError(place, fmt::format("a {} has no text; a filter such as list or join "
                                            "gives one to a generator",
                                            value.TypeName()));
  }
  return value.Str();
}

Result<ValueList> ExpressionEvaluator::ItemsOf(const Value& value) {
  if (value.is_undefined()) return ValueList();
  return Iterate(value);
}

Result<Value> ExpressionEvaluator::Eval(const Expr& expr) {
  RETURN_IF_ERROR(Enter(expr.place));
  ASSIGN_OR_RETURN(Value value, Dispatch(expr));
  Leave();
  const Extent extent = value.extent();
  if (extent.weight > kTemplateTextMax || extent.depth > kValueDepthMax) {
    return TemplateError(expr.place, "a value that is too large or nested too deep");
  }
  RETURN_IF_ERROR(
      CountSteps(1 + static_cast<int64_t>(extent.weight / kTemplateStepWeight), expr.place));
  return value;
}

Result<Value> ExpressionEvaluator::Dispatch(const Expr& expr) {
  switch (expr.kind) {
    case Kind::kLiteral:
      return expr.literal;
    case Kind::kName:
      return Lookup(expr.text);
    case Kind::kList:
    case Kind::kTuple:
      return EvalSequence(expr);
    case Kind::kDict:
      return EvalDict(expr);
    case Kind::kAttribute:
      return EvalAttribute(expr);
    case Kind::kItem:
      return EvalItem(expr);
    case Kind::kSlice:
      return EvalSlice(expr);
    case Kind::kCall:
      return EvalCall(expr);
    case Kind::kFilter:
    case Kind::kTest:
      return EvalFilterOrTest(expr);
    case Kind::kNot: {
      ASSIGN_OR_RETURN(const Value value, Lenient(*expr.operands[0]));
      return Value(!value.Truth());
    }
    case Kind::kSign:
      return EvalSign(expr);
    case Kind::kBinary: {
      ASSIGN_OR_RETURN(const Value a, Defined(*expr.operands[0]));
      ASSIGN_OR_RETURN(const Value b, Defined(*expr.operands[1]));
      return At(expr.place, Operate(expr.text, a, b));
    }
    case Kind::kCompare:
      return EvalCompare(expr);
    case Kind::kAnd:
    case Kind::kOr: {
      ASSIGN_OR_RETURN(Value left, Lenient(*expr.operands[0]));
      if (left.Truth() == (expr.kind == Kind::kOr)) return left;
      return Eval(*expr.operands[1]);
    }
    case Kind::kConcat:
      return EvalConcat(expr);
    case Kind::kConditional: {
      ASSIGN_OR_RETURN(const Value guard, Lenient(*expr.operands[0]));
      if (guard.Truth()) return Eval(*expr.operands[1]);
      if (expr.operands[2] != nullptr) return Eval(*expr.operands[2]);
      return Value::Missing("the inline if has no else, and its condition is false");
    }
  }
  return Value();
}

Result<Value> ExpressionEvaluator::Lookup(const std::string& name) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    for (const auto& [known, value] : scope->names) {
      if (known == name) return value;
    }
    if (scope->loop != nullptr && name == "loop") return LoopValue(*scope->loop);
  }
  const auto found = row_.find(name);
  if (found == row_.end() && chat() && IsFunctionName(name)) {
    return Value(std::make_shared<const Macro>());
  }
  if (found == row_.end()) return Value::Missing(fmt::format("'{}' is undefined", name));
  Value value = Value::FromJson(*found);
  // Kept for the next use; the root lies behind every other scope.
  root_.names.emplace_back(name, value);
  return value;
}

Scope* ExpressionEvaluator::FindLoop() const {
  Scope* scope = scope_;
  while (scope != nullptr && scope->loop == nullptr) scope = scope->outer;
  return scope;
}

bool ExpressionEvaluator::IsLoopName(const Expr& expr) const {
  return expr.kind == Kind::kName && expr.text == "loop" && FindLoop() != nullptr;
}

Result<Value> ExpressionEvaluator::EvalSequence(const Expr& expr) {
  ValueList items;
  for (const ExprPtr& operand : expr.operands) {
    ASSIGN_OR_RETURN(Value item, Part(*operand));
    items.push_back(std::move(item));
  }
  return expr.kind == Kind::kList ? Value::List(std::move(items)) : Value::Tuple(std::move(items));
}

Result<Value> ExpressionEvaluator::EvalDict(const Expr& expr) {
  ValueDict items;
  for (size_t i = 0; i < expr.operands.size(); i += 2) {
    ASSIGN_OR_RETURN(Value key, Part(*expr.operands[i]));
    ASSIGN_OR_RETURN(Value value, Part(*expr.operands[i + 1]));
    Put(items, std::move(key), std::move(value));
  }
  return Value::Dict(std::move(items));
}

Result<Value> ExpressionEvaluator::EvalAttribute(const Expr& expr) {
  if (IsLoopName(*expr.operands[0])) return LoopMember(*FindLoop()->loop, expr.text);
  ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
  if (HasMethod(object, expr.text)) {
    return TemplateError(expr.place,
                         fmt::format("'{0}' is a method of {1} here; call it, or write ['{0}'] "
                                     "for the member",
                                     expr.text, object.TypeName()));
  }
  if (object.is_mapping()) {
    if (const Value* found = object.Find(Value(expr.text)); found != nullptr) return *found;
  }
  return Value::Missing(fmt::format("the {} has no '{}'", object.TypeName(), expr.text));
}

Result<Value> ExpressionEvaluator::EvalItem(const Expr& expr) {
  ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
  ASSIGN_OR_RETURN(const Value key, Lenient(*expr.operands[1]));
  return At(expr.place, GetItem(object, key));
}

Result<Value> ExpressionEvaluator::EvalSlice(const Expr& expr) {
  ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
  Value parts[3];
  for (size_t i = 0; i < 3; ++i) {
    if (expr.operands[i + 1] == nullptr) continue;
    ASSIGN_OR_RETURN(parts[i], Defined(*expr.operands[i + 1]));
  }
  return At(expr.place, GetSlice(object, parts[0], parts[1], parts[2]));
}

// The arguments behind operands[0].
Result<CallArguments> ExpressionEvaluator::EvalArguments(const Expr& expr) {
  CallArguments out;
  out.dialect = dialect_;
  for (size_t i = 1; i < expr.operands.size(); ++i) {
    ASSIGN_OR_RETURN(Value value, Part(*expr.operands[i]));
    out.positional.push_back(std::move(value));
  }
  for (const auto& [name, operand] : expr.named) {
    ASSIGN_OR_RETURN(Value value, Part(*operand));
    out.named.emplace_back(name, std::move(value));
  }
  return out;
}

Result<Value> ExpressionEvaluator::EvalCall(const Expr& expr) {
  const Expr& callee = *expr.operands[0];
  ASSIGN_OR_RETURN(const CallArguments arguments, EvalArguments(expr));
  if (callee.kind == Kind::kAttribute) return EvalMethod(callee, arguments);
  if (callee.kind == Kind::kName && chat()) {
    ASSIGN_OR_RETURN(const Value value, Lookup(callee.text));
    if (value.is_macro() && value.AsMacro().statement != nullptr) {
      return CallMacro(value.AsMacro(), arguments, expr.place);
    }
    return EvalChatFunction(expr, arguments);
  }
  return EvalFunction(expr, arguments);
}

Result<Value> ExpressionEvaluator::EvalMethod(const Expr& expr, const CallArguments& arguments) {
  if (chat() && IsLoopName(*expr.operands[0])) {
    return EvalLoopCall(expr.text, arguments, expr.place);
  }
  ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
  if (const Value* missing = arguments.FirstUndefined(); chat() && missing != nullptr) {
    return Raised(expr.place, missing->AsUndefined().what);
  }
  if (chat() && !HasMethod(object, expr.text) && !IsOtherMethod(object, expr.text)) {
    return Raised(expr.place, fmt::format("the {} has no method '{}' that a template may call",
                                          object.TypeName(), expr.text));
  }
  return At(expr.place, CallMethod(object, expr.text, arguments));
}

Result<Value> ExpressionEvaluator::EvalLoopCall(const std::string& method,
                                                const CallArguments& arguments,
                                                const Place& place) {
  LoopState& loop = *FindLoop()->loop;
  if (method == "cycle" && !arguments.positional.empty()) {
    return arguments.positional[loop.at % arguments.positional.size()];
  }
  if (method == "changed") {
    Value now = Value::Tuple(arguments.positional);
    const bool changed = loop.last_changed.is_undefined() || !loop.last_changed.Equals(now);
    loop.last_changed = std::move(now);
    return Value(changed);
  }
  return Raised(place, fmt::format("loop has no method '{}' here; it has cycle, changed", method));
}

Result<Value> ExpressionEvaluator::EvalChatFunction(const Expr& expr,
                                                    const CallArguments& arguments) {
  const Expr& callee = *expr.operands[0];
  if (IsLoopName(callee)) {
    Scope* scope = FindLoop();
    if (!scope->loop->statement->recursive || arguments.positional.size() != 1) {
      return Raised(expr.place, "loop() takes the items of a loop that is marked recursive");
    }
    return Recurse(*scope->loop, scope->outer, arguments.positional[0], expr.place);
  }
  if (callee.text == "raise_exception") {
    return Raised(expr.place, Refusal(expr));
  }
  if (callee.text == "strftime_now") {
    ASSIGN_OR_RETURN(const ValueList args, arguments.Bind("strftime_now", {"format"}, 1));
    ASSIGN_OR_RETURN(const std::string format, TextArgument("strftime_now", args[0], ""));
    return At(expr.place, FormatTime(format, context_.now_seconds));
  }
  return EvalFunction(expr, arguments);
}

Result<Value> ExpressionEvaluator::EvalFunction(const Expr& expr, const CallArguments& arguments) {
  const Expr& callee = *expr.operands[0];
  if (callee.kind == Kind::kName && callee.text == "range") {
    return At(expr.place, Range(arguments));
  }
  if (callee.kind == Kind::kName && (callee.text == "namespace" || callee.text == "dict")) {
    return EvalDictFunction(expr, arguments);
  }
  if (chat()) {
    ASSIGN_OR_RETURN(const Value value, Eval(callee));
    if (value.is_undefined()) return Raised(expr.place, value.AsUndefined().what);
    return TemplateError(expr.place, fmt::format("a {} cannot be called", value.TypeName()));
  }
  return TemplateError(expr.place,
                       "only methods, range(), namespace() and dict() can be called here");
}

Result<Value> ExpressionEvaluator::EvalDictFunction(const Expr& expr,
                                                    const CallArguments& arguments) {
  const std::string& name = expr.operands[0]->text;
  ValueDict items;
  if (chat() && arguments.positional.size() == 1 && arguments.positional[0].is_mapping()) {
    items = arguments.positional[0].AsMapping().items;
  } else if (!arguments.positional.empty()) {
    return TemplateError(expr.place, name + "() takes name=value only here");
  }
  for (const auto& [key, value] : arguments.named) Put(items, Value(key), value);
  return name == "dict" ? Value::Dict(std::move(items)) : Value::Namespace(std::move(items));
}

Result<Value> ExpressionEvaluator::EvalFilterOrTest(const Expr& expr) {
  ASSIGN_OR_RETURN(const Value value, Eval(*expr.operands[0]));
  ASSIGN_OR_RETURN(const CallArguments arguments, EvalArguments(expr));
  if (expr.kind == Kind::kFilter) {
    return At(expr.place, ApplyFilter(expr.text, value, arguments));
  }
  const Result<bool> passed = ApplyTest(expr.text, value, arguments);
  if (!passed.ok()) return At(expr.place, passed.status());
  return Value(*passed);
}

Result<Value> ExpressionEvaluator::EvalSign(const Expr& expr) {
  ASSIGN_OR_RETURN(const Value value, Defined(*expr.operands[0]));
  if (!value.is_number()) return TemplateError(expr.place, "a sign needs a number");
  if (expr.text == "+") return value;
  if (value.is_float()) return Value(-value.AsDouble());
  return At(expr.place, Operate("-", Value(int64_t{0}), value));
}

Result<Value> ExpressionEvaluator::EvalCompare(const Expr& expr) {
  ASSIGN_OR_RETURN(Value left, Lenient(*expr.operands[0]));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    const std::string& sign = expr.operators[i];
    ASSIGN_OR_RETURN(Value right, Lenient(*expr.operands[i + 1]));
    const bool membership = sign == "in" || sign == "not in";
    const bool equality = sign == "==" || sign == "!=";
    // What is undefined equals nothing else and contains nothing; it has no order.
    if (right.is_undefined() && membership) right = Value::List({});
    const bool ordered = !membership && !equality;
    if (ordered && (left.is_undefined() || right.is_undefined())) {
      const Value& missing = left.is_undefined() ? left : right;
      return Raised(expr.place, missing.AsUndefined().what);
    }
    const Result<bool> holds = CompareBy(sign, left, right);
    if (!holds.ok()) return At(expr.place, holds.status());
    if (!*holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> ExpressionEvaluator::EvalConcat(const Expr& expr) {
  std::string out;
  for (const ExprPtr& operand : expr.operands) {
    ASSIGN_OR_RETURN(const Value value, Lenient(*operand));
    ASSIGN_OR_RETURN(const std::string text, TextOf(value, operand->place));
    out += text;
    if (const Status size = CheckTextSize(out.size()); !size.ok()) return At(expr.place, size);
  }
  return Value(std::move(out));
}

}  // namespace koeval::evaluation
