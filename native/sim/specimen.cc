#include "sim/specimen.h"

#include <algorithm>
#include <map>

namespace strongroom::sim {

using engine::Effect;
using engine::Engine;
using engine::Transaction;
using format::BlobKind;

namespace {

constexpr uint64_t kPatience = 3'600'000'000'000;  // Simulated: an hour.
constexpr uint32_t kChunk = 256;                   // Many stripes in few bytes.
constexpr uint32_t kLargeFrom = 700;
constexpr size_t kBuckets = 2;
const char* const kContexts[kBuckets] = {"a bucket", "another bucket"};

// A call's answer, waited for.
template <typename T>
class Answer {
 public:
  std::function<void(Result<T>)> Taker() {
    return [state = state_](Result<T> result) {
      if (result.ok()) state->value = std::move(*result);
      state->done.Set(result.status());
    };
  }
  Result<T> Wait() {
    TRY(state_->done.Wait(kPatience));
    return std::move(*state_->value);
  }

 private:
  struct State {
    io::Completion done;
    std::optional<T> value;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

Bytes RowKey(const std::string& name) {
  std::string key = "o" + name;
  return Bytes(key.begin(), key.end());
}

bool TellsOfDamage(const engine::Event& event) {
  using Kind = engine::Event::Kind;
  return event.kind == Kind::kRot || event.kind == Kind::kTampering ||
         event.kind == Kind::kZoneStale || event.kind == Kind::kZoneExpelled;
}

}  // namespace

size_t Reading::Count(Fate fate) const {
  return static_cast<size_t>(std::count(fates.begin(), fates.end(), fate));
}

bool Reading::IsRight() const {
  return opened.ok() && scanned.ok() && strangers == 0 && Count(Fate::kRight) == fates.size();
}

// One open of the store.
class Specimen::Life {
 public:
  using OnEvent = std::function<void(const engine::Event&)>;
  static Result<std::unique_ptr<Life>> Begin(Specimen* of, io::SimEnv* env, OnEvent on_event) {
    TRY_ASSIGN(auto engine, Engine::Open(of->Options(env), std::move(on_event)));
    std::vector<engine::KekRef> keks;
    const bool made = of->wrapped_.empty();
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      const ByteSpan context = AsBytes(kContexts[bucket]);
      if (made) {
        auto [wrapped, kek] = engine->CreateKey(context);
        of->wrapped_.push_back(wrapped);
        keks.push_back(kek);
      } else {
        TRY_ASSIGN(auto kek, engine->OpenKey(of->wrapped_[bucket], context));
        keks.push_back(kek);
      }
    }
    return std::make_unique<Life>(of, std::move(engine), std::move(keks));
  }

  Life(Specimen* of, std::shared_ptr<Engine> engine, std::vector<engine::KekRef> keks)
      : of_(of), engine_(std::move(engine)), keks_(std::move(keks)) {}
  Engine& engine() { return *engine_; }

  // In one transaction.
  Status Commit(std::vector<Effect> effects) {
    Transaction transaction;
    transaction.effects = std::move(effects);
    Answer<engine::Committed> answer;
    engine_->Commit(std::move(transaction), answer.Taker());
    return answer.Wait().status();
  }

  // A row with a body of its own of `size` bytes.
  Result<Effect> Put(const std::string& name, size_t size) {
    Effect effect = Named(Note(name, size));
    if (size < kLargeFrom) {
      effect.small = engine_->SealSmall(*KekOf(name), Content(name));
    } else {
      TRY_ASSIGN(auto blob, engine_->WriteBlob(*KekOf(name), size, {}));
      TRY_ASSIGN(effect.named, Write(std::move(blob), Content(name)));
    }
    return effect;
  }
  Effect Bare(const std::string& name) { return Named(Note(name, 0)); }
  Effect Remove(const std::string& name) {
    std::erase_if(of_->items_, [&](const Item& item) { return item.name == name; });
    Effect effect;
    effect.key = RowKey(name);
    effect.remove = true;
    return effect;
  }
  // Another row that names the large body of `from`.
  Result<Effect> Copy(const std::string& from, const std::string& name) {
    TRY_ASSIGN(auto found, Look({RowKey(from), KekOf(from), nullptr}));
    TRY_ASSIGN(auto reference, engine_->Rewrap(found->row().row.blob, *KekOf(from), *KekOf(name)));
    Item& item = Note(name, 0);
    item.content = Content(from);
    Effect effect = Named(item);
    effect.named = engine::NamedBlob{reference, false, found->placement, 0};
    return effect;
  }
  // A row that names a list of parts, and the parts.
  Result<std::vector<Effect>> PutParts(const std::string& name, const std::vector<size_t>& sizes) {
    engine::PartsKeyRef parts = engine_->CreateParts();
    std::vector<Effect> effects{Named(Note(name, 0))};
    effects[0].named = {engine_->NameParts(*KekOf(name), *parts, 0, 0), true, {}, 0};
    for (size_t i = 0; i < sizes.size(); ++i) {
      Item& item = Note(name + "/" + std::to_string(i), sizes[i]);
      item.key = format::PartKey(parts->id(), i);
      item.list = RowKey(name);
      effects.push_back(Named(item));
      Effect& part = effects.back();
      const Bytes content = item.content;
      if (content.size() < kLargeFrom) {
        part.small = engine_->SealPart(*parts, content);
      } else {
        TRY_ASSIGN(auto blob, engine_->WritePart(*parts, content.size(), {}));
        TRY_ASSIGN(part.named, Write(std::move(blob), content));
      }
    }
    return effects;
  }

  struct Wanted {
    Bytes key;
    engine::KekRef kek;
    engine::PartsKeyRef parts;
  };
  Result<std::optional<engine::Found>> Look(const Wanted& wanted) {
    engine::GetRequest request;
    request.key = wanted.key;
    request.kek = wanted.kek;
    request.parts = wanted.parts;
    Answer<std::optional<engine::Found>> answer;
    engine_->Get(std::move(request), answer.Taker());
    return answer.Wait();
  }

  // What its row and its blob give. kNotFound: there is no such row.
  Status Read(const Item& item, Bytes* body, Bytes* content, engine::Found* row) {
    engine::PartsKeyRef parts;
    if (!item.list.empty()) {
      TRY_ASSIGN(auto list, Look({item.list, keks_[item.bucket], nullptr}));
      if (!list) return Status(Code::kNotFound, "no list");
      parts = list->parts;
    }
    const engine::KekRef kek = parts ? nullptr : keks_[item.bucket];
    TRY_ASSIGN(auto found, Look({item.key, kek, parts}));
    if (!found) return Status(Code::kNotFound, "no row");
    format::IndexRow decoded = found->row();
    body->assign(decoded.row.body.begin(), decoded.row.body.end());
    const format::BlobReference& blob = decoded.row.blob;
    if (format::IsLarge(blob.kind)) {
      engine::Engine::Opening opening{kek, parts, blob, found->placement};
      TRY_ASSIGN(auto reader, engine_->ReadBlob(opening));
      TRY(Drain(reader.get(), blob.size, content));
    } else {
      ByteSpan bytes = ByteSpan(found->bytes).subspan(found->row_size);
      content->assign(bytes.begin(), bytes.end());
    }
    *row = std::move(*found);
    return {};
  }

  Status Demand();
  // All rows but the engine's own.
  Result<std::map<Bytes, Bytes>> Rows() {
    using All = std::map<Bytes, Bytes>;
    Answer<All> answer;
    engine::ScanRequest request;
    request.page.start = {1};
    request.page.limit = 10'000;
    Engine::Scanning scanning;
    scanning.begin = [taker = answer.Taker()] {
      auto rows = std::make_shared<All>();
      auto sink = [rows](ByteSpan key, ByteSpan row, bool) {
        if (format::IsEngineKey(key)) return;
        rows->emplace(Bytes(key.begin(), key.end()), Bytes(row.begin(), row.end()));
      };
      return Engine::Attempt{sink,
                             [taker, rows](const index::ScanEnd&) { taker(std::move(*rows)); }};
    };
    scanning.fail = [taker = answer.Taker()](const Status& status) { taker(status); };
    engine_->Scan(std::move(request), std::move(scanning));
    return answer.Wait();
  }

 private:
  // Bytes that follow from the name alone, whichever life wrote them.
  static Bytes ContentOf(const std::string& name, size_t size) {
    uint64_t hash = io::MixHash(7, AsBytes(name));
    return testing::Random(io::MixHash(hash, size)).Take(size);
  }
  Bytes Content(const std::string& name) const {
    auto is = [&](const Item& item) { return item.name == name; };
    return std::find_if(of_->items_.begin(), of_->items_.end(), is)->content;
  }
  static size_t BucketOf(const std::string& name) {
    return name == "copy" || name == "rewritten" || name == "with another";
  }
  const engine::KekRef& KekOf(const std::string& name) const { return keks_[BucketOf(name)]; }
  // What the row must give from now on.
  Item& Note(const std::string& name, size_t size) {
    std::erase_if(of_->items_, [&](const Item& item) { return item.name == name; });
    Item& item = of_->items_.emplace_back();
    item.name = name;
    item.bucket = BucketOf(name);
    item.key = RowKey(name);
    item.content = ContentOf(name, size);
    item.body = ContentOf(name + ", the body of its row", 20);
    return item;
  }
  static Effect Named(const Item& item) {
    Effect effect;
    effect.key = item.key;
    effect.body = item.body;
    return effect;
  }

  Result<std::optional<engine::NamedBlob>> Write(Engine::NewBlob blob, const Bytes& content) {
    const ByteSpan whole = content;
    CHECK(content.size() <= blob.writer->piece_max());
    TRY_ASSIGN(bool taken, blob.writer->Offer({&whole, 1}, true, [] {}));
    CHECK(taken) << "a specimen writes one blob at a time";
    Answer<blob::BlobDone> answer;
    blob.writer->Finish(answer.Taker());
    TRY_ASSIGN(blob::BlobDone done, answer.Wait());
    engine_->BlobWritten(done);
    engine::NamedBlob named{blob.reference, true, blob.placement, done.zones_written};
    named.reference.size = done.size;
    named.reference.crc64 = done.crc64;
    return std::optional(named);
  }

  static Status Drain(blob::BlobReader* reader, uint64_t size, Bytes* out) {
    while (out->size() < size) {
      Answer<Bytes> answer;
      reader->Read(out->size(), size - out->size(), 0,
                   [taker = answer.Taker()](Result<blob::BlobPiece> piece) {
                     if (!piece.ok()) return taker(piece.status());
                     ByteSpan bytes = piece->bytes();
                     taker(Bytes(bytes.begin(), bytes.end()));
                   });
      TRY_ASSIGN(Bytes piece, answer.Wait());
      if (piece.empty()) return Status(Code::kCorruption, "the blob ends early");
      out->insert(out->end(), piece.begin(), piece.end());
    }
    return {};
  }

  Specimen* const of_;
  const std::shared_ptr<Engine> engine_;
  const std::vector<engine::KekRef> keks_;  // By bucket.
};

engine::OpenOptions Specimen::Options(io::SimEnv* env) const {
  engine::OpenOptions options;
  options.env = env;
  for (size_t zone = 1; zone <= zone_count_; ++zone) options.zones.push_back(ZonePath(zone));
  options.create = wrapped_.empty();
  options.root_key = SecretBytes(AsBytes("0123456789abcdef0123456789abcdef"));
  if (zone_count_ == 1) options.small = options.large = {1, 0};
  options.large_from = kLargeFrom;
  options.chunk_size = kChunk;
  options.read_slabs = options.write_slabs = 2;
  options.codec_threads = 1;
  options.write_buffer_size = 64 << 10;
  return options;
}

Result<Specimen> Specimen::Make(size_t zone_count, uint64_t seed) {
  Specimen out;
  out.zone_count_ = zone_count;
  for (size_t zone = 1; zone <= zone_count; ++zone) out.disk_.MakeDirectories(ZonePath(zone));
  for (size_t life = 0; life < 3; ++life) {
    io::SimEnv env(&out.disk_, seed + life);
    Status lived;
    TRY(env.Run([&] { lived = out.Live(&env, life); }));
    TRY(lived);
    out.lives_.push_back(out.disk_);
  }
  io::SimDisk copy = out.disk_;
  io::SimEnv env(&copy, seed + 3);
  Status recorded;
  TRY(env.Run([&] { recorded = out.Record(&env); }));
  TRY(recorded);
  return out;
}

Status Specimen::Live(io::SimEnv* env, size_t number) {
  TRY_ASSIGN(auto begun, Life::Begin(this, env, nullptr));
  Life& life = *begun;
  std::vector<Effect> effects;
  auto put = [&](const std::string& name, size_t size) -> Status {
    TRY_ASSIGN(Effect effect, life.Put(name, size));
    effects.push_back(std::move(effect));
    return {};
  };
  if (number == 0) {
    TRY(put("byte", 1));
    TRY(put("doomed", 400));
    TRY(put("doomed large", 900));
    TRY(put("stripes", 5 * 4 * kChunk + 300));
    TRY(put("rewritten", 500));
    TRY(life.Commit(std::move(effects)));
  } else if (number == 1) {
    effects = {life.Remove("doomed"), life.Remove("doomed large")};
    TRY(put("rewritten", 200));
    TRY(life.Commit(std::move(effects)));
    TRY_ASSIGN(effects, life.PutParts("list", {150, 4 * kChunk + 60}));
    TRY(life.Commit(std::move(effects)));
  } else {
    TRY_ASSIGN(Effect copy, life.Copy("stripes", "copy"));
    effects = {std::move(copy), life.Bare("bare")};
    TRY(put("with another", 600));
    TRY(put("empty", 0));
    TRY(life.Commit(std::move(effects)));
    Answer<engine::Checkpoint> taken;
    life.engine().TakeCheckpoint(taken.Taker());
    TRY_ASSIGN(checkpoint_, taken.Wait());
    TRY(life.Commit({life.Bare("last")}));
  }
  life.engine().Close();
  return {};
}

// Notes what each row names and how it stands, as a store tells that nobody was at.
Status Specimen::Record(io::SimEnv* env) {
  TRY_ASSIGN(auto begun, Life::Begin(this, env, nullptr));
  Life& life = *begun;
  TRY_ASSIGN(auto rows, life.Rows());
  CHECK(rows.size() == items_.size());
  for (Item& item : items_) {
    Bytes body, content;
    engine::Found found;
    TRY(life.Read(item, &body, &content, &found));
    CHECK(body == item.body && content == item.content) << item.name;
    item.blob = found.row().row.blob;
    item.placement = found.placement;
    item.image = rows[item.key];
  }
  life.engine().Close();
  return {};
}

// Whether the store holds the checkpoint that its last life took.
Status Specimen::Life::Demand() {
  const engine::Checkpoint& demanded = of_->checkpoint_;
  TRY_ASSIGN(auto found, Look({format::CheckpointKey(demanded.sequence), nullptr, nullptr}));
  const Bytes body = format::EncodeCheckpoint(demanded.token, demanded.chain);
  const bool holds = found && AsString(found->row().row.body) == AsString(body);
  return holds ? Status() : Status(Code::kRolledBack, "the checkpoint is not there");
}

Reading Specimen::Read(io::SimDisk* disk, uint64_t seed, Demand demand) const {
  Reading out;
  auto read = [&](io::SimEnv* env) -> Status {
    auto on_event = [&](const engine::Event& event) { out.findings += TellsOfDamage(event); };
    TRY_ASSIGN(auto begun, Life::Begin(const_cast<Specimen*>(this), env, on_event));
    Life& life = *begun;
    if (demand == Demand::kCheckpoint) TRY(life.Demand());
    auto rows = life.Rows();
    out.scanned = rows.status();
    for (const Item& item : items_) {
      Bytes body, content;
      engine::Found found;
      Status status = life.Read(item, &body, &content, &found);
      bool right = body == item.body && content == item.content;
      out.fates.push_back(status.ok()                  ? (right ? Fate::kRight : Fate::kWrong)
                          : status.Is(Code::kNotFound) ? Fate::kMissing
                                                       : Fate::kRefused);
      out.whys.push_back(status);
      if (!rows.ok()) continue;
      auto row = rows->find(item.key);
      if (row == rows->end()) {
        out.fates.back() = std::max(out.fates.back(), Fate::kMissing);
        continue;
      }
      if (row->second != item.image) ++out.strangers;
      rows->erase(row);
    }
    if (rows.ok()) out.strangers += rows->size();
    return {};
  };
  io::SimEnv env(disk, seed);
  Status opened;
  Status ran = env.Run([&] { opened = read(&env); });
  out.opened = ran.ok() ? opened : ran;
  return out;
}

std::string Specimen::Tell(const Reading& reading) const {
  std::string what;
  if (!reading.opened.ok()) what += "\n  open: " + reading.opened.ToString();
  if (!reading.scanned.ok()) what += "\n  scan: " + reading.scanned.ToString();
  if (reading.strangers > 0) what += "\n  " + std::to_string(reading.strangers) + " strange rows";
  const char* const fates[] = {"right", "refused", "missing", "wrong"};
  for (size_t i = 0; i < reading.fates.size(); ++i) {
    if (reading.fates[i] == Fate::kRight) continue;
    what += "\n  " + items_[i].name + ": " + fates[static_cast<int>(reading.fates[i])] + ", " +
            reading.whys[i].ToString();
  }
  return what;
}

}  // namespace strongroom::sim
