// Values of Python as templates see them: the part of the data model that task files use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

class Value;
using ValueList = std::vector<Value>;
using ValueDict = std::vector<std::pair<Value, Value>>;  // in insertion order

// What a name or a member that does not exist evaluates to; `what` is the complaint about it.
struct Undefined {
  std::string what;
};
// How large a value is when it is written out, counting shared parts as often as they occur.
struct Extent {
  size_t weight = 1;  // values, and bytes of text
  int depth = 0;      // levels of lists and mappings
};
enum class SequenceKind {
  kList,
  kTuple,
  kGenerator,  // can only be iterated, and is always true
};
struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  ValueList items;
  Extent extent;
  bool is_tuple() const { return kind == SequenceKind::kTuple; }
  bool is_generator() const { return kind == SequenceKind::kGenerator; }
};
// What a template can call by a name that it gave itself; template_evaluate.h.
struct Macro;
struct Mapping {
  ValueDict items;
  bool is_namespace = false;  // `namespace()`: its members can be set
  Extent extent;              // of the members at construction
};

// One value; copies are cheap and share lists and mappings. Nothing but a namespace can be changed.
// Whole numbers have 64 bits: arithmetic that leaves them is an error.
class Value {
 public:
  using SequencePtr = std::shared_ptr<const Sequence>;
  using MappingPtr = std::shared_ptr<Mapping>;
  using TextPtr = std::shared_ptr<const std::string>;
  using UndefinedPtr = std::shared_ptr<const Undefined>;
  using MacroPtr = std::shared_ptr<const Macro>;
  using Storage = std::variant<std::monostate, bool, int64_t, double, TextPtr, SequencePtr,
                               MappingPtr, UndefinedPtr, MacroPtr>;

  Value() = default;  // None
  explicit Value(bool v) : v_(v) {}
  explicit Value(int64_t v) : v_(v) {}
  explicit Value(double v) : v_(v) {}
  explicit Value(std::string v) : v_(std::make_shared<const std::string>(std::move(v))) {}
  explicit Value(MacroPtr macro) : v_(std::move(macro)) {}
  static Value List(ValueList items);
  static Value Tuple(ValueList items);
  static Value Generator(ValueList items);
  static Value Dict(ValueDict items);
  static Value Namespace(ValueDict items);
  static Value Missing(std::string what);
  // Arrays become lists. Whole numbers over 64 bits become their digits.
  static Value FromJson(const Json& json);

  bool is_none() const { return std::holds_alternative<std::monostate>(v_); }
  bool is_undefined() const { return std::holds_alternative<UndefinedPtr>(v_); }
  bool is_bool() const { return std::holds_alternative<bool>(v_); }
  // Python's int, which bool is one of.
  bool is_int() const { return std::holds_alternative<int64_t>(v_) || is_bool(); }
  bool is_float() const { return std::holds_alternative<double>(v_); }
  bool is_number() const { return is_int() || is_float(); }
  bool is_text() const { return std::holds_alternative<TextPtr>(v_); }
  bool is_sequence() const { return std::holds_alternative<SequencePtr>(v_); }
  bool is_mapping() const { return std::holds_alternative<MappingPtr>(v_); }
  bool is_macro() const { return std::holds_alternative<MacroPtr>(v_); }
  bool is_generator() const { return is_sequence() && AsSequence().is_generator(); }

  // REQUIRES: the value is of that type; AsDouble takes any number.
  int64_t AsInt() const;
  double AsDouble() const;
  const std::string& AsText() const { return *std::get<TextPtr>(v_); }
  const Sequence& AsSequence() const { return *std::get<SequencePtr>(v_); }
  const Mapping& AsMapping() const { return *std::get<MappingPtr>(v_); }
  Mapping& MutableMapping() const { return *std::get<MappingPtr>(v_); }
  const Undefined& AsUndefined() const { return *std::get<UndefinedPtr>(v_); }
  const Macro& AsMacro() const { return *std::get<MacroPtr>(v_); }

  Extent extent() const;
  // "str", "int", "list", "NoneType", ...; for messages.
  std::string_view TypeName() const;
  // bool(value); false when undefined.
  bool Truth() const;
  // value == other, across int, float and bool; a list is no tuple; undefined values are equal.
  bool Equals(const Value& other) const;
  // The member `key` of a mapping, or nullptr.
  const Value* Find(const Value& key) const;

  // str(value) and repr(value); what is undefined is empty text and "Undefined".
  std::string Str() const;
  std::string Repr() const;
  // JSON has no tuple: it becomes a list; other keys than text become text. REQUIRES: not
  // undefined.
  Json ToJson() const;

 private:
  explicit Value(Storage v) : v_(std::move(v)) {}

  Storage v_;
};

// a < b as -1, 0, 1. INVALID_ARGUMENT for types that Python does not order.
Result<int> Compare(const Value& a, const Value& b);

// repr() of a str.
std::string PythonRepr(std::string_view text);

}  // namespace koeval::evaluation
