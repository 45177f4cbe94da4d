// Runs a template's statements and evaluates its expressions.
#include "common/evaluation/template.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/evaluation/template_ast.h"
#include "common/evaluation/template_call.h"
#include "common/evaluation/template_lexer.h"
#include "common/evaluation/template_operators.h"
#include "common/evaluation/template_parser.h"

namespace koeval::evaluation {

struct TemplateTree {
  Body body;
};

namespace {

constexpr size_t kSourceMax = 256 * 1024;
constexpr int64_t kStepsMax = 2'000'000;
constexpr int64_t kRangeMax = 100'000;
constexpr size_t kWeightOfStep = 256;  // so much of a value counts as one step
constexpr int kValueDepthMax = 100;

using Kind = Expr::Kind;

class Evaluator {
 public:
  explicit Evaluator(const Json& row) : row_(row) { frames_.emplace_back(); }

  Status Run(const Body& body) {
    for (const auto& statement : body) RETURN_IF_ERROR(RunOne(*statement));
    return OkStatus();
  }
  std::string TakeText() { return std::move(out_); }

 private:
  using Frame = std::vector<std::pair<std::string, Value>>;

  // ---- statements ----

  Status RunOne(const Statement& statement) {
    switch (statement.kind) {
      case Statement::Kind::kText:
        return Emit(statement.text, statement.place);
      case Statement::Kind::kOutput: {
        ASSIGN_OR_RETURN(const Value value, Defined(*statement.exprs[0]));
        return Emit(value.Str(), statement.place);
      }
      case Statement::Kind::kIf:
        return RunIf(statement);
      case Statement::Kind::kFor:
        return RunFor(statement);
      case Statement::Kind::kSet: {
        ASSIGN_OR_RETURN(const Value value, Defined(*statement.exprs[0]));
        return Assign(statement.target, value, statement.place);
      }
      case Statement::Kind::kSetBlock: {
        std::string outer = std::move(out_);
        out_.clear();
        frames_.emplace_back();
        const Status status = Run(statement.bodies[0]);
        frames_.pop_back();
        outer.swap(out_);
        RETURN_IF_ERROR(status);
        return Assign(statement.target, Value(std::move(outer)), statement.place);
      }
    }
    return OkStatus();
  }

  Status Emit(std::string_view text, const Place& place) {
    if (const Status size = CheckTextSize(out_.size() + text.size()); !size.ok()) {
      return TemplateError(place, size.message());
    }
    out_ += text;
    return OkStatus();
  }

  Status RunIf(const Statement& statement) {
    for (size_t i = 0; i < statement.exprs.size(); ++i) {
      ASSIGN_OR_RETURN(const Value guard, Defined(*statement.exprs[i]));
      if (guard.Truth()) return Run(statement.bodies[i]);
    }
    const bool has_else = statement.bodies.size() > statement.exprs.size();
    return has_else ? Run(statement.bodies.back()) : OkStatus();
  }

  Status RunFor(const Statement& statement) {
    ASSIGN_OR_RETURN(const Value iterable, Defined(*statement.exprs[0]));
    Result<ValueList> items = Iterate(iterable);
    if (!items.ok()) return At(statement.place, items.status());
    if (statement.exprs.size() > 1) {
      ASSIGN_OR_RETURN(*items, Filtered(statement, *items));
    }
    if (items->empty() && statement.bodies.size() > 1) return Run(statement.bodies[1]);
    for (size_t i = 0; i < items->size(); ++i) {
      frames_.emplace_back();
      Status status = Assign(statement.target, (*items)[i], statement.place);
      SetName("loop", LoopValue(*items, i));
      if (status.ok()) status = Run(statement.bodies[0]);
      frames_.pop_back();
      RETURN_IF_ERROR(status);
    }
    return OkStatus();
  }

  // The items for which the loop's own condition holds.
  Result<ValueList> Filtered(const Statement& statement, const ValueList& items) {
    ValueList out;
    for (const Value& item : items) {
      frames_.emplace_back();
      Status status = Assign(statement.target, item, statement.place);
      Result<Value> guard = Value(false);
      if (status.ok()) guard = Defined(*statement.exprs[1]);
      frames_.pop_back();
      RETURN_IF_ERROR(status);
      if (!guard.ok()) return guard.status();
      if (guard->Truth()) out.push_back(item);
    }
    return out;
  }

  static Value LoopValue(const ValueList& items, size_t at) {
    const auto index = static_cast<int64_t>(at);
    const auto size = static_cast<int64_t>(items.size());
    const auto entry = [](const char* name, Value value) {
      return std::pair(Value(std::string(name)), std::move(value));
    };
    ValueDict loop{entry("index", Value(index + 1)),
                   entry("index0", Value(index)),
                   entry("revindex", Value(size - index)),
                   entry("revindex0", Value(size - index - 1)),
                   entry("first", Value(index == 0)),
                   entry("last", Value(index + 1 == size)),
                   entry("length", Value(size))};
    if (at > 0) loop.push_back(entry("previtem", items[at - 1]));
    if (at + 1 < items.size()) loop.push_back(entry("nextitem", items[at + 1]));
    return Value::Dict(std::move(loop));
  }

  Status Assign(const Target& target, const Value& value, const Place& place) {
    if (!target.member.empty()) {
      ASSIGN_OR_RETURN(const Value object, Lookup(target.names[0], place));
      if (!object.is_mapping() || !object.AsMapping().is_namespace) {
        return TemplateError(place, "only members of a namespace() can be set");
      }
      ValueDict& items = object.MutableMapping().items;
      const Value key(target.member);
      const auto found = std::find_if(items.begin(), items.end(),
                                      [&](const auto& item) { return item.first.Equals(key); });
      if (found == items.end()) {
        items.emplace_back(key, value);
      } else {
        found->second = value;
      }
      return OkStatus();
    }
    if (!target.unpack) {
      SetName(target.names[0], value);
      return OkStatus();
    }
    const Result<ValueList> parts = Iterate(value);
    if (!parts.ok() || parts->size() != target.names.size()) {
      return TemplateError(place, fmt::format("{} values are needed here", target.names.size()));
    }
    for (size_t i = 0; i < parts->size(); ++i) SetName(target.names[i], (*parts)[i]);
    return OkStatus();
  }

  void SetName(const std::string& name, Value value) {
    for (auto& [known, old] : frames_.back()) {
      if (known == name) {
        old = std::move(value);
        return;
      }
    }
    frames_.back().emplace_back(name, std::move(value));
  }

  // ---- expressions ----

  static Status At(const Place& place, const Status& status) {
    return TemplateError(place, status.message());
  }
  static Result<Value> At(const Place& place, Result<Value> result) {
    if (result.ok()) return result;
    return At(place, result.status());
  }

  // The value of `expr`, which must be defined.
  Result<Value> Defined(const Expr& expr) {
    ASSIGN_OR_RETURN(Value value, Eval(expr));
    if (value.is_undefined()) return TemplateError(expr.place, value.AsUndefined().what);
    return value;
  }

  // Like Defined, for what is kept inside of another value: a namespace could contain itself there.
  Result<Value> Part(const Expr& expr) {
    ASSIGN_OR_RETURN(Value value, Defined(expr));
    if (value.is_mapping() && value.AsMapping().is_namespace) {
      return TemplateError(expr.place, "a namespace() cannot be part of another value");
    }
    return value;
  }

  // Every value that arises passes here, so that no template makes large or deep ones.
  Result<Value> Eval(const Expr& expr) {
    ASSIGN_OR_RETURN(Value value, Dispatch(expr));
    const Extent extent = value.extent();
    if (extent.weight > kTemplateTextMax || extent.depth > kValueDepthMax) {
      return TemplateError(expr.place, "a value that is too large or nested too deep");
    }
    steps_ += 1 + static_cast<int64_t>(extent.weight / kWeightOfStep);
    if (steps_ > kStepsMax) return TemplateError(expr.place, "the template runs too long");
    return value;
  }

  Result<Value> Dispatch(const Expr& expr) {
    switch (expr.kind) {
      case Kind::kLiteral:
        return expr.literal;
      case Kind::kName:
        return Lookup(expr.text, expr.place);
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
        ASSIGN_OR_RETURN(const Value value, Defined(*expr.operands[0]));
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
        ASSIGN_OR_RETURN(Value left, Defined(*expr.operands[0]));
        if (left.Truth() == (expr.kind == Kind::kOr)) return left;
        return Eval(*expr.operands[1]);
      }
      case Kind::kConcat:
        return EvalConcat(expr);
      case Kind::kConditional: {
        ASSIGN_OR_RETURN(const Value guard, Defined(*expr.operands[0]));
        if (guard.Truth()) return Eval(*expr.operands[1]);
        if (expr.operands[2] != nullptr) return Eval(*expr.operands[2]);
        return Value::Missing("the inline if has no else, and its condition is false");
      }
    }
    return Value();
  }

  Result<Value> Lookup(const std::string& name, const Place&) {
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
      for (const auto& [known, value] : *frame) {
        if (known == name) return value;
      }
    }
    const auto found = row_.find(name);
    if (found == row_.end()) return Value::Missing(fmt::format("'{}' is undefined", name));
    Value value = Value::FromJson(*found);
    // Kept for the next use; the outermost frame lies behind every other.
    frames_.front().emplace_back(name, value);
    return value;
  }

  Result<Value> EvalSequence(const Expr& expr) {
    ValueList items;
    for (const ExprPtr& operand : expr.operands) {
      ASSIGN_OR_RETURN(Value item, Part(*operand));
      items.push_back(std::move(item));
    }
    return expr.kind == Kind::kList ? Value::List(std::move(items))
                                    : Value::Tuple(std::move(items));
  }

  Result<Value> EvalDict(const Expr& expr) {
    ValueDict items;
    for (size_t i = 0; i < expr.operands.size(); i += 2) {
      ASSIGN_OR_RETURN(Value key, Part(*expr.operands[i]));
      ASSIGN_OR_RETURN(Value value, Part(*expr.operands[i + 1]));
      const auto found = std::find_if(items.begin(), items.end(),
                                      [&](const auto& item) { return item.first.Equals(key); });
      if (found == items.end()) {
        items.emplace_back(std::move(key), std::move(value));
      } else {
        found->second = std::move(value);
      }
    }
    return Value::Dict(std::move(items));
  }

  Result<Value> EvalAttribute(const Expr& expr) {
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

  Result<Value> EvalItem(const Expr& expr) {
    ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
    ASSIGN_OR_RETURN(const Value key, Defined(*expr.operands[1]));
    return At(expr.place, GetItem(object, key));
  }

  Result<Value> EvalSlice(const Expr& expr) {
    ASSIGN_OR_RETURN(const Value object, Defined(*expr.operands[0]));
    Value parts[3];
    for (size_t i = 0; i < 3; ++i) {
      if (expr.operands[i + 1] == nullptr) continue;
      ASSIGN_OR_RETURN(parts[i], Defined(*expr.operands[i + 1]));
    }
    return At(expr.place, GetSlice(object, parts[0], parts[1], parts[2]));
  }

  // The arguments behind operands[0].
  Result<CallArguments> EvalArguments(const Expr& expr) {
    CallArguments out;
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

  Result<Value> EvalCall(const Expr& expr) {
    const Expr& callee = *expr.operands[0];
    ASSIGN_OR_RETURN(const CallArguments arguments, EvalArguments(expr));
    if (callee.kind == Kind::kAttribute) {
      ASSIGN_OR_RETURN(const Value object, Defined(*callee.operands[0]));
      return At(callee.place, CallMethod(object, callee.text, arguments));
    }
    if (callee.kind == Kind::kName && callee.text == "range") {
      return At(expr.place, Range(arguments));
    }
    if (callee.kind == Kind::kName && (callee.text == "namespace" || callee.text == "dict")) {
      if (!arguments.positional.empty()) {
        return TemplateError(expr.place, callee.text + "() takes name=value only here");
      }
      ValueDict items;
      for (const auto& [name, value] : arguments.named) items.emplace_back(Value(name), value);
      return callee.text == "dict" ? Value::Dict(std::move(items))
                                   : Value::Namespace(std::move(items));
    }
    return TemplateError(expr.place,
                         "only methods, range(), namespace() and dict() can be called here");
  }

  static Result<Value> Range(const CallArguments& arguments) {
    ASSIGN_OR_RETURN(const ValueList args, arguments.Bind("range", {"start", "stop", "step"}, 1));
    ASSIGN_OR_RETURN(const int64_t first, IntArgument("range", args[0], 0));
    const bool one = args[1].is_undefined();
    ASSIGN_OR_RETURN(const int64_t stop, IntArgument("range", args[1], first));
    ASSIGN_OR_RETURN(const int64_t step, IntArgument("range", args[2], 1));
    if (step == 0) return InvalidArgument("range() with step 0");
    ValueList items;
    int64_t i = one ? 0 : first;
    while (step > 0 ? i < stop : i > stop) {
      if (static_cast<int64_t>(items.size()) >= kRangeMax) {
        return InvalidArgument(fmt::format("range() over {} items", kRangeMax));
      }
      items.emplace_back(i);
      if (__builtin_add_overflow(i, step, &i)) break;
    }
    return Value::List(std::move(items));
  }

  Result<Value> EvalFilterOrTest(const Expr& expr) {
    ASSIGN_OR_RETURN(const Value value, Eval(*expr.operands[0]));
    ASSIGN_OR_RETURN(const CallArguments arguments, EvalArguments(expr));
    if (expr.kind == Kind::kFilter) {
      return At(expr.place, ApplyFilter(expr.text, value, arguments));
    }
    const Result<bool> passed = ApplyTest(expr.text, value, arguments);
    if (!passed.ok()) return At(expr.place, passed.status());
    return Value(*passed);
  }

  Result<Value> EvalSign(const Expr& expr) {
    ASSIGN_OR_RETURN(const Value value, Defined(*expr.operands[0]));
    if (!value.is_number()) return TemplateError(expr.place, "a sign needs a number");
    if (expr.text == "+") return value;
    if (value.is_float()) return Value(-value.AsDouble());
    return At(expr.place, Operate("-", Value(int64_t{0}), value));
  }

  Result<Value> EvalCompare(const Expr& expr) {
    ASSIGN_OR_RETURN(Value left, Defined(*expr.operands[0]));
    for (size_t i = 0; i < expr.operators.size(); ++i) {
      ASSIGN_OR_RETURN(Value right, Defined(*expr.operands[i + 1]));
      const Result<bool> holds = CompareBy(expr.operators[i], left, right);
      if (!holds.ok()) return At(expr.place, holds.status());
      if (!*holds) return Value(false);
      left = std::move(right);
    }
    return Value(true);
  }

  Result<Value> EvalConcat(const Expr& expr) {
    std::string out;
    for (const ExprPtr& operand : expr.operands) {
      ASSIGN_OR_RETURN(const Value value, Defined(*operand));
      out += value.Str();
      if (const Status size = CheckTextSize(out.size()); !size.ok()) return At(expr.place, size);
    }
    return Value(std::move(out));
  }

  const Json& row_;
  std::vector<Frame> frames_;
  std::string out_;
  int64_t steps_ = 0;
};

}  // namespace

Result<Template> Template::Parse(std::string_view source) {
  if (source.size() > kSourceMax) {
    return InvalidArgument(fmt::format("a template over {} bytes", kSourceMax));
  }
  ASSIGN_OR_RETURN(Body body, ParseTemplate(source));
  auto tree = std::make_shared<TemplateTree>();
  tree->body = std::move(body);
  return Template(std::move(tree));
}

Result<std::string> Template::Render(const Json& row) const {
  Evaluator evaluator(row);
  RETURN_IF_ERROR(evaluator.Run(tree_->body));
  return evaluator.TakeText();
}

}  // namespace koeval::evaluation
